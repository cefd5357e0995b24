//! The schema takes what the reader takes, and sees the slips that it is there for.

use toml::de::{DeTable, DeValue};

use super::*;
use crate::config::tests::FULL;
use crate::pattern::Pattern;

/// Whether `value` is as `schema` says: the part of draft 2020-12 that the schema is written in. Another word in it is an
/// error here.
fn holds(schema: &Json, value: &DeValue<'_>) -> bool {
    members(schema).iter().all(|(word, rule)| match (*word, rule) {
        ("$schema" | "title" | "description" | "default" | "$defs", _) => true,
        ("$ref", Json::String(path)) => holds(definition_at(path), value),
        ("type", Json::String(name)) => match name.as_str() {
            "object" => value.as_table().is_some(),
            "array" => value.as_array().is_some(),
            "string" => value.as_str().is_some(),
            "integer" => integer(value).is_some(),
            "boolean" => value.as_bool().is_some(),
            other => panic!("a type that nothing has: {other}"),
        },
        ("enum", Json::Array(values)) => values.iter().any(|valid| match valid {
            Json::String(text) => value.as_str() == Some(text),
            Json::Number(number) => integer(value) == Some(*number),
            _ => false,
        }),
        ("pattern", Json::String(pattern)) => value.as_str().is_none_or(|text| {
            let whole = pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix('$')).expect("anchored");
            Pattern::compile(whole).expect("a pattern").matches(text.as_bytes())
        }),
        ("minimum", Json::Number(min)) => integer(value).is_none_or(|number| number >= *min),
        ("maximum", Json::Number(max)) => integer(value).is_none_or(|number| number <= *max),
        ("oneOf", Json::Array(schemas)) => schemas.iter().filter(|schema| holds(schema, value)).count() == 1,
        ("items", schema) => {
            let elements = value.as_array().expect("an array, as `type` says");
            elements.iter().all(|element| holds(schema, element.get_ref()))
        }
        ("minItems", Json::Number(min)) => value.as_array().is_some_and(|all| all.len() as u64 >= *min),
        ("minProperties", Json::Number(min)) => value.as_table().is_some_and(|all| all.len() as u64 >= *min),
        ("required", Json::Array(names)) => names.iter().all(|name| match name {
            Json::String(name) => value.as_table().is_some_and(|table| table.get(name.as_str()).is_some()),
            _ => panic!("a name is a string"),
        }),
        ("properties", properties) => value.as_table().is_some_and(|table| {
            let mut given = table.iter();
            given.all(|(name, value)| {
                let property = member(properties, name.get_ref());
                property.is_none_or(|property| holds(property, value.get_ref()))
            })
        }),
        ("additionalProperties", rule) => {
            let known = member(schema, "properties");
            let is_known = |name: &str| known.is_some_and(|known| member(known, name).is_some());
            let others = value.as_table().expect("a table, as `type` says").iter();
            let mut others = others.filter(|(name, _)| !is_known(name.get_ref()));
            others.all(|(_, value)| match rule {
                Json::Boolean(allowed) => *allowed,
                schema => holds(schema, value.get_ref()),
            })
        }
        (word, _) => panic!("a word that the test does not know: {word}"),
    })
}

fn members(json: &Json) -> &[(&'static str, Json)] {
    match json {
        Json::Object(members) => members,
        _ => panic!("a schema is an object"),
    }
}

fn member<'j>(json: &'j Json, name: &str) -> Option<&'j Json> {
    members(json).iter().find(|(member, _)| *member == name).map(|(_, value)| value)
}

fn definition_at(path: &str) -> &'static Json {
    let schema: &'static Json = Box::leak(Box::new(schema()));
    let name = path.strip_prefix("#/$defs/").expect("a definition");
    member(schema, "$defs").and_then(|all| member(all, name)).expect("a definition that there is")
}

/// A number that is not negative; those have no place in the file.
fn integer(value: &DeValue<'_>) -> Option<u64> {
    let number = value.as_integer()?;
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn takes(text: &str) -> bool {
    let document = DeTable::parse(text).expect("TOML");
    holds(&schema(), &DeValue::Table(document.into_inner()))
}

#[test]
fn the_schema_takes_the_file_that_sets_every_key() {
    assert!(takes(FULL));
}

#[test]
fn the_schema_takes_every_example() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    let mut taken = 0;
    for entry in std::fs::read_dir(folder).expect("the folder of the examples").flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = std::fs::read_to_string(&path).expect("a readable file");
            assert!(takes(&text), "{}", path.display());
            taken += 1;
        }
    }
    assert!(taken >= 2, "{taken} examples");
}

#[test]
fn the_schema_sees_wrong_names_types_bounds_and_words() {
    let with = |from: &str, to: &str| {
        assert!(FULL.contains(from), "{from}");
        takes(&FULL.replacen(from, to, 1))
    };
    for (from, to) in [
        ("drain_timeout", "drain_time"),
        (r#"drain_timeout = "1m""#, "drain_timeout = 60"),
        (r#"drain_timeout = "1m""#, r#"drain_timeout = "1 m""#),
        ("shards = 4", "shards = 0"),
        ("shards = 4", "shards = 1025"),
        (r#"protocol = "tcp""#, r#"protocol = "udp""#),
        ("allow_connect = true", r#"allow_connect = "true""#),
        ("redirect_status = 308", "redirect_status = 300"),
        ("uri_bytes = 4096", "uri_bytes = 1"),
        ("uri_bytes = 4096", r#"uri_bytes = "4KB""#),
        (r#"name = "web""#, ""),
        ("zeta = 90", "zeta = 10001"),
        (r#"X-Env = "a b""#, "X-Env = 1"),
        ("[[answers]]", "[answers]"),
        ("status = 503\n", "status = 200\n"),
        (r#"name = "v", regex"#, r#"name = "v", regexp"#),
        ("rate = 50\n", ""),
        (r#"same_site = "none""#, r#"same_site = "any""#),
        (r#"fast_interval = "2s""#, "fast_interval = 2"),
        (r#"headers = { X-Probe = "a b" }"#, r#"headers = ["X-Probe"]"#),
        ("[clusters.alpha.sticky]", "[[clusters.alpha.sticky]]"),
    ] {
        assert!(!with(from, to), "{to}");
    }
    assert!(with("uri_bytes = 4096", r#"uri_bytes = "4KiB""#));
    assert!(!takes("[clusters.a]\nbackends = [{ address = \"127.0.0.1:1\" }]\n"), "no listener");
}
