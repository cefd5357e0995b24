//! Message heads as they go to the other side: what belongs to one hop out, what is ours in (RFC 9110 §7.6), and what a route
//! is configured to change.

mod edit;
mod path;
mod request;
mod response;
mod rules;

pub use edit::Edit;
pub use request::request;
pub use response::{ClientSide, HeadOut, ResponseRewrite, response};
pub use rules::{RequestRules, ResponseRules};

#[cfg(test)]
mod tests;
