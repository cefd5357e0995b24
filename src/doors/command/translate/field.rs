//! Fields of requests: read, or refused by their names.

use std::path::PathBuf;
use std::str::FromStr;

use ringway_core::change::Keys;
use ringway_core::{ErrorCode, IdError, VerbError};
use serde_json::Value;

/// Keys and their values; `null`: the default. Where something new is added those are left out.
pub(super) type Entries = Vec<(&'static str, Value)>;

/// All of them, so that what is there gets its defaults back where there are nulls.
pub(super) fn replacing(entries: Entries) -> Keys {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Without the nulls.
pub(super) fn adding(mut entries: Entries) -> Keys {
    entries.retain(|(_, value)| !value.is_null());
    replacing(entries)
}

/// A name of Ringway's, out of a text of a client.
pub(super) fn name<T: FromStr<Err = IdError>>(field: &str, text: &str) -> Result<T, VerbError> {
    text.parse().map_err(|error| invalid(field, format!("{text:?}: {error}")))
}

/// A path, or none where it is empty.
pub(super) fn path(text: String) -> Option<PathBuf> {
    (!text.is_empty()).then(|| PathBuf::from(text))
}

/// An enumeration by its number.
pub(super) fn word<T: TryFrom<i32>>(field: &str, number: i32) -> Result<T, VerbError> {
    T::try_from(number).map_err(|_| invalid(field, format!("{number} stands for nothing that is known here")))
}

pub(super) fn invalid(field: &str, message: impl Into<String>) -> VerbError {
    VerbError::new(ErrorCode::Invalid, message).field(field)
}

pub(super) fn unavailable(feature: &str) -> VerbError {
    VerbError::new(ErrorCode::NotInThisBuild, format!("{feature}: not in this build"))
}

/// A field that can not be kept to.
pub(super) fn unsupported(field: &str, why: &str) -> VerbError {
    VerbError::new(ErrorCode::NotInThisBuild, format!("{why}; leave it out")).field(field)
}

/// Refuses the first of these fields that is set.
pub(super) fn refuse(fields: &[(&str, bool)], why: &str) -> Result<(), VerbError> {
    match fields.iter().find(|(_, set)| *set) {
        Some((field, _)) => Err(unsupported(field, why)),
        None => Ok(()),
    }
}

/// Of a field that is nothing of ours at all.
pub(super) const NOT_HERE: &str = "Ringway does not have it in this build";
