//! Message heads as they go to the other side: what belongs to one hop out, what is ours in (RFC 9110 §7.6).

mod edit;
mod request;
mod response;

pub use edit::Edit;
pub use request::request;
pub use response::{ClientSide, HeadOut, ResponseRewrite, response};

#[cfg(test)]
mod tests;
