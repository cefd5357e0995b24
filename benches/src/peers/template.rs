//! Filling a peer's configuration template.
//!
//! A placeholder is a name in capitals between two at-signs, such as `@PORT@`. Both directions are checked: a placeholder
//! without a value and a value without a placeholder are errors, because either means that the peer would be
//! measured with another configuration than the one that was meant.

/// Why a template could not be filled.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    /// The template asks for a value that was not given.
    #[error("the template asks for @{0}@, which has no value")]
    Unknown(String),
    /// A value was given that the template does not ask for.
    #[error("the template does not use @{0}@")]
    Unused(String),
}

/// The template with every placeholder replaced by its value.
pub(crate) fn fill(template: &str, values: &[(&str, &str)]) -> Result<String, TemplateError> {
    let mut filled = String::with_capacity(template.len() + 256);
    let mut used = vec![false; values.len()];
    let mut rest = template;
    while let Some(at) = rest.find('@') {
        let (before, after) = rest.split_at(at);
        filled.push_str(before);
        match placeholder(after) {
            Some(name) => {
                let known = values.iter().position(|(key, _)| *key == name);
                let index = known.ok_or_else(|| TemplateError::Unknown(name.to_owned()))?;
                used[index] = true;
                filled.push_str(values[index].1);
                rest = &after[name.len() + 2..];
            }
            None => {
                filled.push('@');
                rest = &after[1..];
            }
        }
    }
    filled.push_str(rest);
    match used.iter().position(|used| !used) {
        Some(index) => Err(TemplateError::Unused(values[index].0.to_owned())),
        None => Ok(filled),
    }
}

/// The name in `@NAME@` at the start of `text`.
fn placeholder(text: &str) -> Option<&str> {
    let name = &text[1..text[1..].find('@')? + 1];
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::{TemplateError, fill};

    #[test]
    fn every_occurrence_of_a_placeholder_is_replaced() {
        let values = [("PORT", "80"), ("MAX_CLIENTS", "64")];
        let filled = fill("bind *:@PORT@ # @PORT@\nmaxconn @MAX_CLIENTS@", &values);
        assert_eq!(filled.unwrap(), "bind *:80 # 80\nmaxconn 64");
    }

    #[test]
    fn an_at_sign_that_starts_no_name_is_kept() {
        let filled = fill("mail a@b.example, c@d.example, @@ on @PORT@@", &[("PORT", "80")]);
        assert_eq!(filled.unwrap(), "mail a@b.example, c@d.example, @@ on 80@");
    }

    #[test]
    fn a_value_is_not_searched_for_placeholders() {
        assert_eq!(fill("@A@", &[("A", "@B@")]).unwrap(), "@B@");
    }

    #[test]
    fn a_placeholder_without_a_value_is_refused() {
        assert_eq!(fill("@PROT@", &[("PORT", "80")]), Err(TemplateError::Unknown("PROT".to_owned())));
    }

    #[test]
    fn a_value_without_a_placeholder_is_refused() {
        assert_eq!(fill("port 80", &[("PORT", "80")]), Err(TemplateError::Unused("PORT".to_owned())));
    }
}
