//! Reading one TOML table by the list of its keys.
//!
//! Every method reports what is wrong to [`Problems`] and answers with the default, so that one pass over a file
//! finds all that is wrong with it.

use std::fmt;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::keys::{Fallback, Key, Kind, Section};
use super::nearest::nearest;
use super::problem::{At, Problems, Refusal, quoted};
use super::units::{duration_text, parse_duration, parse_size, size_text};

/// A table of the file whose keys are all known.
pub(super) struct Table<'a> {
    section: Section,
    /// Where its header stands.
    pub(super) at: At,
    entries: &'a DeTable<'a>,
}

impl<'a> Table<'a> {
    /// The table `entries`; reports the keys that `section` does not have.
    pub(super) fn open(
        section: Section,
        at: At,
        entries: &'a DeTable<'a>,
        problems: &mut Problems<'_>,
    ) -> Table<'a> {
        let table = Table { section, at, entries };
        let names = || section.keys().map(|key| key.name);
        for (given, _) in entries.iter() {
            let name: &str = given.get_ref();
            if names().any(|known| known == name) {
                continue;
            }
            let hint = match nearest(name, names()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("valid keys: {}", names().collect::<Vec<_>>().join(", ")),
            };
            let at = At { offset: given.span().start, path: table.path_to(name) };
            problems.add(&at, Refusal::new("unknown key").hint(hint));
        }
        table
    }

    /// The duration at `name`, or its default.
    pub(super) fn duration(&self, name: &str, problems: &mut Problems<'_>) -> Duration {
        let key = self.key(name);
        let Fallback::Duration(default) = key.fallback else { mistaken(key) };
        self.time(key, problems).unwrap_or(default)
    }

    /// The duration at `name`; none where it is left out or refused.
    pub(super) fn optional_duration(&self, name: &str, problems: &mut Problems<'_>) -> Option<Duration> {
        let key = self.key(name);
        let Fallback::Means(_) = key.fallback else { mistaken(key) };
        self.time(key, problems)
    }

    fn time(&self, key: &Key, problems: &mut Problems<'_>) -> Option<Duration> {
        let Kind::Duration { min, max } = key.kind else { mistaken(key) };
        let read = |value: &DeValue<'_>| match value {
            DeValue::String(text) => {
                let duration = parse_duration(text)?;
                in_range(duration, min, max, &quoted(text), duration_text)
            }
            DeValue::Integer(number) => {
                Err(Refusal::new(format!("expected a duration with its unit, found the integer {number}"))
                    .hint(format!("write \"{number}s\" for seconds; the units are ms, s, m and h")))
            }
            other => Err(wrong_type("a duration such as \"10s\"", other)),
        };
        self.read(key, problems, read)
    }

    /// The number of bytes at `name`, or its default.
    pub(super) fn size(&self, name: &str, problems: &mut Problems<'_>) -> usize {
        let key = self.key(name);
        let (Kind::Size { min, max }, Fallback::Size(default)) = (key.kind, key.fallback) else {
            mistaken(key)
        };
        let read = |value: &DeValue<'_>| match value {
            DeValue::String(text) => in_range(parse_size(text)?, min, max, &quoted(text), size_text),
            DeValue::Integer(number) => in_range(saturated(number), min, max, &number.to_string(), size_text),
            other => Err(wrong_type("a size such as 16384 or \"16KiB\"", other)),
        };
        fits(key, self.read(key, problems, read).unwrap_or(default))
    }

    /// The number at `name`, or its default.
    pub(super) fn integer<T: TryFrom<u64>>(&self, name: &str, problems: &mut Problems<'_>) -> T {
        let key = self.key(name);
        let Fallback::Integer(default) = key.fallback else { mistaken(key) };
        fits(key, self.number(key, problems).unwrap_or(default))
    }

    /// The number at `name`; none where it is left out or refused.
    pub(super) fn optional_integer<T: TryFrom<u64>>(
        &self,
        name: &str,
        problems: &mut Problems<'_>,
    ) -> Option<T> {
        let key = self.key(name);
        let Fallback::Means(_) = key.fallback else { mistaken(key) };
        self.number(key, problems).map(|number| fits(key, number))
    }

    /// The number at `name`; none where it is refused, or left out without a default.
    pub(super) fn required_integer<T: TryFrom<u64>>(
        &self,
        name: &str,
        problems: &mut Problems<'_>,
    ) -> Option<T> {
        let key = self.key(name);
        let Fallback::Required = key.fallback else { mistaken(key) };
        self.number(key, problems).map(|number| fits(key, number))
    }

    fn number(&self, key: &Key, problems: &mut Problems<'_>) -> Option<u64> {
        let read: &dyn Fn(&DeValue<'_>) -> Result<u64, Refusal> = match key.kind {
            Kind::Integer { min, max } => &move |value| ranged(value, min, max),
            Kind::Number { numbers } => &move |value| one_of(value, numbers),
            _ => mistaken(key),
        };
        self.read(key, problems, read)
    }

    /// The truth value at `name`, or its default.
    pub(super) fn boolean(&self, name: &str, problems: &mut Problems<'_>) -> bool {
        let key = self.key(name);
        let Fallback::Boolean(default) = key.fallback else { mistaken(key) };
        self.truth(key, problems).unwrap_or(default)
    }

    /// The truth value at `name`; none where it is left out or refused.
    pub(super) fn optional_boolean(&self, name: &str, problems: &mut Problems<'_>) -> Option<bool> {
        let key = self.key(name);
        let Fallback::Means(_) = key.fallback else { mistaken(key) };
        self.truth(key, problems)
    }

    fn truth(&self, key: &Key, problems: &mut Problems<'_>) -> Option<bool> {
        let Kind::Boolean = key.kind else { mistaken(key) };
        let read = |value: &DeValue<'_>| match value {
            DeValue::Boolean(value) => Ok(*value),
            DeValue::String(text) if matches!(text.as_ref(), "true" | "false") => {
                Err(wrong_type("a boolean", value).hint(format!("write {text} without quotes")))
            }
            other => Err(wrong_type("a boolean", other)),
        };
        self.read(key, problems, read)
    }

    /// What the word at `name` stands for, or the default of its type.
    pub(super) fn word<T: Default>(
        &self,
        name: &str,
        problems: &mut Problems<'_>,
        from_word: impl Fn(&str) -> Option<T>,
    ) -> T {
        let key = self.key(name);
        let Kind::Word { words, absent } = key.kind else { mistaken(key) };
        let read = |value: &DeValue<'_>| {
            let word = string(value)?;
            let valid = format!("\"{}\"", words.join("\", \""));
            from_word(word).ok_or_else(|| {
                if absent.contains(&word) {
                    return Refusal::new(format!("{word:?} is not in this build"))
                        .hint(format!("use {valid}"));
                }
                let refusal = Refusal::new(format!("unknown value {}", quoted(word)));
                match nearest(word, words.iter().copied()) {
                    Some(near) => refusal.hint(format!("did you mean \"{near}\"?")),
                    None => refusal.hint(format!("valid values: {valid}")),
                }
            })
        };
        self.read(key, problems, read).unwrap_or_default()
    }

    /// What the text at `name` stands for, or its default does, and where it stands; none where it is left out
    /// and has no default, or is refused.
    pub(super) fn text<T, E: Into<Refusal>>(
        &self,
        name: &str,
        problems: &mut Problems<'_>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<(T, At)> {
        let key = self.key(name);
        let Kind::Text { .. } = key.kind else { mistaken(key) };
        if let (None, Fallback::Text(default)) = (self.entries.get(name), key.fallback) {
            return parse(default).ok().map(|value| (value, self.at.clone()));
        }
        let at = self.at_value(key);
        let value = self.read(key, problems, |value| parse(string(value)?).map_err(E::into))?;
        Some((value, at))
    }

    /// What each text of the array at `name` stands for, and where it stands; those refused are left out.
    pub(super) fn texts<T, E: Into<Refusal>>(
        &self,
        name: &str,
        problems: &mut Problems<'_>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<(T, At)> {
        let key = self.key(name);
        let Kind::Texts { .. } = key.kind else { mistaken(key) };
        if let (None, Fallback::Texts(default)) = (self.entries.get(name), key.fallback) {
            let parsed = default.iter().filter_map(|text| parse(text).ok());
            return parsed.map(|value| (value, self.at.clone())).collect();
        }
        let read = |value: &'a DeValue<'a>| match value {
            DeValue::Array(elements) => Ok(elements),
            DeValue::String(text) => {
                Err(wrong_type("an array of strings", value).hint(format!("write [{}]", quoted(text))))
            }
            other => Err(wrong_type("an array of strings", other)),
        };
        let elements = self.read(key, problems, read).into_iter().flat_map(|elements| elements.iter());
        let parsed = elements.enumerate().filter_map(|(n, element)| {
            let at = At { offset: element.span().start, path: format!("{}[{n}]", self.path_to(name)) };
            match string(element.get_ref()).and_then(|text| parse(text).map_err(E::into)) {
                Ok(value) => Some((value, at)),
                Err(refusal) => {
                    problems.add(&at, refusal);
                    None
                }
            }
        });
        parsed.collect()
    }

    /// What the entries of the table at `name` stand for, and where the value of each stands, in the order of the file;
    /// those refused are left out.
    pub(super) fn pairs<K, V>(
        &self,
        name: &str,
        problems: &mut Problems<'_>,
        parse_name: impl Fn(&str) -> Result<K, Refusal>,
        parse: impl Fn(&str) -> Result<V, Refusal>,
    ) -> Vec<((K, V), At)> {
        let key = self.key(name);
        let Kind::Pairs { .. } = key.kind else { mistaken(key) };
        self.entries_of(key, problems, parse_name, |value| parse(string(value)?))
    }

    /// The numbers of the table at `name`, as [`Table::pairs`].
    pub(super) fn weights<K>(
        &self,
        name: &str,
        problems: &mut Problems<'_>,
        parse_name: impl Fn(&str) -> Result<K, Refusal>,
    ) -> Vec<((K, u32), At)> {
        let key = self.key(name);
        let Kind::Weights { min, max, .. } = key.kind else { mistaken(key) };
        self.entries_of(key, problems, parse_name, |value| Ok(fits(key, ranged(value, min, max)?)))
    }

    fn entries_of<K, V>(
        &self,
        key: &Key,
        problems: &mut Problems<'_>,
        parse_name: impl Fn(&str) -> Result<K, Refusal>,
        parse: impl Fn(&DeValue<'_>) -> Result<V, Refusal>,
    ) -> Vec<((K, V), At)> {
        let path = self.path_to(key.name);
        let mut entries: Vec<_> =
            self.read(key, problems, table).into_iter().flat_map(|entries| entries.iter()).collect();
        entries.sort_by_key(|(given, _)| given.span().start);
        let parsed = entries.into_iter().filter_map(|(given, value)| {
            let name: &str = given.get_ref();
            let at = |offset| At { offset, path: join(&path, name) };
            let name = parse_name(name).map_err(|refusal| problems.add(&at(given.span().start), refusal));
            let at = at(value.span().start);
            let value = parse(value.get_ref()).map_err(|refusal| problems.add(&at, refusal));
            Some(((name.ok()?, value.ok()?), at))
        });
        parsed.collect()
    }

    /// The one of `names` that the file has, if any; reports the others beside it.
    pub(super) fn at_most_one(
        &self,
        names: &[&'static str],
        problems: &mut Problems<'_>,
    ) -> Option<&'static str> {
        let mut given = names.iter().copied().filter(|name| self.has(name));
        let first = given.next()?;
        for other in given {
            let refusal = Refusal::new(format!("`{other}` can not stand beside `{first}`"));
            problems.add(&self.at_of(other), refusal.hint("remove one of them"));
        }
        Some(first)
    }

    /// The one of `names` that the file has; reports when there is none, and others beside it.
    pub(super) fn exactly_one(
        &self,
        names: &[&'static str],
        problems: &mut Problems<'_>,
    ) -> Option<&'static str> {
        let one = self.at_most_one(names, problems);
        if one.is_none() {
            let names = names.join("`, `");
            problems.add(&self.at, Refusal::new(format!("exactly one of `{names}` is needed")));
        }
        one
    }

    /// Reports those of `names` that the file has.
    pub(super) fn none_of(&self, names: &[&str], problems: &mut Problems<'_>, why: &str, hint: &str) {
        for name in names.iter().filter(|name| self.has(name)) {
            problems.add(&self.at_of(name), Refusal::new(why).hint(hint));
        }
    }

    /// The table at `name`, if it is there.
    pub(super) fn table(&self, name: &str, problems: &mut Problems<'_>) -> Option<Table<'a>> {
        let key = self.key(name);
        let Kind::Table(section) = key.kind else { mistaken(key) };
        let at = self.at_value(key);
        let entries = self.read(key, problems, table)?;
        Some(Table::open(section, at, entries, problems))
    }

    /// The tables of the array at `name`.
    pub(super) fn tables(&self, name: &str, problems: &mut Problems<'_>) -> Vec<Table<'a>> {
        let key = self.key(name);
        let Kind::Tables(section) = key.kind else { mistaken(key) };
        let path = self.path_to(name);
        let remedy = format!("write [[{path}]] with double brackets");
        let read = |value: &'a DeValue<'a>| match value {
            DeValue::Array(elements) if elements.is_empty() && is_required(key) => Err(missing(key, &path)),
            DeValue::Array(elements) => Ok(elements),
            other => Err(wrong_type("an array of tables", other).hint(remedy)),
        };
        let elements = self.read(key, problems, read).into_iter().flat_map(|elements| elements.iter());
        let tables = elements.enumerate().filter_map(|(n, element)| {
            let at = At { offset: element.span().start, path: format!("{path}[{n}]") };
            match table(element.get_ref()) {
                Ok(entries) => Some(Table::open(section, at, entries, problems)),
                Err(refusal) => {
                    problems.add(&at, refusal);
                    None
                }
            }
        });
        tables.collect()
    }

    /// The tables in the table at `name`, with their names, in the order of the file.
    pub(super) fn named(&self, name: &str, problems: &mut Problems<'_>) -> Vec<(&'a str, Table<'a>)> {
        let key = self.key(name);
        let Kind::Named(section) = key.kind else { mistaken(key) };
        let path = self.path_to(name);
        let remedy = format!("write [{path}.NAME]");
        let read = |value: &'a DeValue<'a>| match value {
            DeValue::Table(entries) if entries.is_empty() && is_required(key) => Err(missing(key, &path)),
            DeValue::Table(entries) => Ok(entries),
            other => Err(wrong_type("a table of tables", other).hint(remedy)),
        };
        let mut entries: Vec<_> =
            self.read(key, problems, read).into_iter().flat_map(|entries| entries.iter()).collect();
        entries.sort_by_key(|(given, _)| given.span().start);
        let tables = entries.into_iter().filter_map(|(given, value)| {
            let name: &str = given.get_ref();
            let at = At { offset: given.span().start, path: join(&path, name) };
            match table(value.get_ref()) {
                Ok(entries) => Some((name, Table::open(section, at, entries, problems))),
                Err(refusal) => {
                    problems.add(&at, refusal);
                    None
                }
            }
        });
        tables.collect()
    }

    /// Whether the file has a value at `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.contains_key(self.key(name).name)
    }

    /// What `read` makes of the value of `key`; none where it is left out or refused, which is reported.
    fn read<T>(
        &self,
        key: &Key,
        problems: &mut Problems<'_>,
        read: impl FnOnce(&'a DeValue<'a>) -> Result<T, Refusal>,
    ) -> Option<T> {
        let at = self.at_value(key);
        let result = match (self.entries.get(key.name), key.fallback) {
            (Some(value), _) => read(value.get_ref()),
            (None, Fallback::Required) => Err(missing(key, &at.path)),
            (None, _) => return None,
        };
        result.map_err(|refusal| problems.add(&at, refusal)).ok()
    }

    /// Where the value at `name` stands; where it is left out, the table.
    pub(super) fn at_of(&self, name: &str) -> At {
        self.at_value(self.key(name))
    }

    /// Where the value of `key` stands; where it is left out, the table.
    fn at_value(&self, key: &Key) -> At {
        let offset = self.entries.get(key.name).map_or(self.at.offset, |value| value.span().start);
        At { offset, path: self.path_to(key.name) }
    }

    fn path_to(&self, name: &str) -> String {
        join(&self.at.path, name)
    }

    fn key(&self, name: &str) -> &'static Key {
        let key = self.section.keys().find(|key| key.name == name);
        key.unwrap_or_else(|| unreachable!("the table of keys has no {name} in {:?}", self.section))
    }
}

/// The reader asks for a key as something else than the table of keys says: found by every test that reads a file.
fn mistaken(key: &Key) -> ! {
    unreachable!("{} in {:?} is {:?} with {:?}", key.name, key.section, key.kind, key.fallback)
}

/// `number` in the type that the configuration holds it in.
fn fits<T: TryFrom<u64>>(key: &Key, number: u64) -> T {
    T::try_from(number)
        .unwrap_or_else(|_| unreachable!("the bounds of {} in {:?} fit its type", key.name, key.section))
}

/// `name` as the next step of a path: quoted where TOML would need it.
fn join(path: &str, name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let step = if bare && name.len() <= 80 { name.to_owned() } else { quoted(name) };
    if path.is_empty() { step } else { format!("{path}.{step}") }
}

fn missing(key: &Key, path: &str) -> Refusal {
    match key.kind {
        Kind::Tables(_) => Refusal::new("at least one is needed").hint(format!("add [[{path}]]")),
        Kind::Named(_) => Refusal::new("at least one is needed").hint(format!("add [{path}.NAME]")),
        kind => Refusal::new("required key is missing").hint(format!("expected {kind}")),
    }
}

fn is_required(key: &Key) -> bool {
    matches!(key.fallback, Fallback::Required)
}

fn ranged(value: &DeValue<'_>, min: u64, max: u64) -> Result<u64, Refusal> {
    let number = integer(value)?;
    in_range(saturated(number), min, max, &number.to_string(), |bound| bound.to_string())
}

fn one_of(value: &DeValue<'_>, numbers: &[u16]) -> Result<u64, Refusal> {
    let number = integer(value)?;
    let known = numbers.iter().map(|known| u64::from(*known)).find(|known| *known == saturated(number));
    known.ok_or_else(|| {
        let numbers: Vec<_> = numbers.iter().map(u16::to_string).collect();
        Refusal::new(format!("{number} is not among the valid values"))
            .hint(format!("valid values: {}", numbers.join(", ")))
    })
}

fn integer<'v>(value: &'v DeValue<'_>) -> Result<&'v DeInteger<'v>, Refusal> {
    match value {
        DeValue::Integer(number) => Ok(number),
        DeValue::String(text) if text.parse::<u64>().is_ok() => {
            Err(wrong_type("an integer", value).hint(format!("write {text} without quotes")))
        }
        other => Err(wrong_type("an integer", other)),
    }
}

fn in_range<T: PartialOrd>(
    value: T,
    min: T,
    max: T,
    given: &str,
    text: impl Fn(T) -> String,
) -> Result<T, Refusal> {
    if value < min || value > max {
        return Err(Refusal::new(format!("{given} is out of range, {} to {}", text(min), text(max))));
    }
    Ok(value)
}

/// The number; of those that no range holds, the largest.
fn saturated(number: &DeInteger<'_>) -> u64 {
    u64::from_str_radix(number.as_str(), number.radix()).unwrap_or(u64::MAX)
}

fn string<'v>(value: &'v DeValue<'_>) -> Result<&'v str, Refusal> {
    value.as_str().ok_or_else(|| wrong_type("a string", value))
}

fn table<'a>(value: &'a DeValue<'a>) -> Result<&'a DeTable<'a>, Refusal> {
    value.as_table().ok_or_else(|| wrong_type("a table", value))
}

fn wrong_type(expected: &str, found: &DeValue<'_>) -> Refusal {
    Refusal::new(format!("expected {expected}, found {}", Found(found)))
}

/// A value by its type, and itself where it is short.
struct Found<'v>(&'v DeValue<'v>);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            DeValue::String(text) => write!(f, "the string {}", quoted(text)),
            DeValue::Integer(number) => write!(f, "the integer {number}"),
            DeValue::Float(number) => write!(f, "the float {number}"),
            DeValue::Boolean(value) => write!(f, "{value}"),
            DeValue::Datetime(_) => f.write_str("a date or time"),
            DeValue::Array(_) => f.write_str("an array"),
            DeValue::Table(_) => f.write_str("a table"),
        }
    }
}

/// The table of the whole file.
pub(super) fn root<'a>(document: &'a Spanned<DeTable<'a>>, problems: &mut Problems<'_>) -> Table<'a> {
    Table::open(Section::Root, At { offset: 0, path: String::new() }, document.get_ref(), problems)
}
