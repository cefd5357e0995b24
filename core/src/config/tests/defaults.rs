//! The table of keys and the reader say the same.

use super::*;
use crate::config::keys::{Fallback, Kind, Section};
use crate::config::units::{duration_text, size_text};

/// A valid file with `line` in `section`, and what else that section needs.
fn with(section: Section, line: &str) -> String {
    let name = line.split(' ').next().unwrap_or_default();
    let part = |this: Section, header: &str, needs: &[&str]| {
        let needed = needs.iter().filter(|need| this != section || need.split(' ').next() != Some(name));
        let needed: String = needed.map(|need| format!("{need}\n")).collect();
        format!("{header}\n{needed}{}\n", if this == section { line } else { "" })
    };
    let only = |this: Section, header: &str, needs: &[&str]| {
        if this == section { part(this, header, needs) } else { String::new() }
    };
    let action = if matches!(name, "split" | "redirect" | "respond") { "" } else { "cluster = \"c\"" };
    let action = if name == "redirect_status" { "redirect = \"/x\"" } else { action };
    let action = if matches!(section, Section::Respond) { "" } else { action };
    let test = if matches!(name, "equals" | "prefix" | "regex") { "" } else { "present = true" };
    [
        part(Section::Root, "", &[]),
        only(Section::Daemon, "[daemon]", &[]),
        part(Section::Listener, "[[listeners]]", &["name = \"web\"", "address = \"0.0.0.0:80\""]),
        only(Section::Timeouts, "[listeners.timeouts]", &[]),
        only(Section::Limits, "[listeners.limits]", &[]),
        only(Section::Forwarding, "[listeners.forwarding]", &[]),
        only(Section::RateLimit, "[listeners.rate_limit]", &["rate = 1"]),
        part(Section::Cluster, "[clusters.c]", &[]),
        only(Section::Sticky, "[clusters.c.sticky]", &["secure = true"]),
        only(Section::HealthCheck, "[clusters.c.health_check]", &["interval = \"1h\""]),
        only(Section::OutlierDetection, "[clusters.c.outlier_detection]", &["ejection_time = \"1ms\""]),
        part(Section::Backend, "[[clusters.c.backends]]", &["address = \"10.0.0.1:80\""]),
        part(Section::Frontend, "[[clusters.c.frontends]]", &[]),
        only(Section::Predicate, "[[clusters.c.frontends.headers]]", &["name = \"x\"", test]),
        only(Section::Edits, "[clusters.c.frontends.request_headers]", &[]),
        part(Section::Route, "[[routes]]", &["hostname = \"r\"", action]),
        only(Section::Respond, "[routes.respond]", &["status = 200"]),
        only(Section::Answers, "[[answers]]", &["status = 503", "html = \"x\""]),
    ]
    .concat()
}

fn is_table(key: &Key) -> bool {
    matches!(key.kind, Kind::Table(_) | Kind::Tables(_) | Kind::Named(_))
}

/// A valid value of `key`; the default where that can be written.
fn written(key: &Key) -> String {
    match (key.fallback, key.name) {
        (Fallback::Duration(duration), _) => format!("{:?}", duration_text(duration)),
        (Fallback::Size(bytes), _) => bytes.to_string(),
        (Fallback::Integer(number), _) => number.to_string(),
        (Fallback::Boolean(value), _) => value.to_string(),
        (Fallback::Text(text), _) => format!("{text:?}"),
        (Fallback::Texts(texts), _) => format!("{texts:?}"),
        (fallback, name) => unreachable!("say how {name} with {fallback:?} is written"),
    }
}

#[test]
fn the_default_in_the_table_is_what_leaving_it_out_means() {
    let mut tried = 0;
    for key in KEYS.iter().filter(|key| !matches!(key.fallback, Fallback::Required | Fallback::Means(_))) {
        let text = with(key.section, &format!("{} = {}", key.name, written(key)));
        let without = text.replace(&format!("\n{} = {}\n", key.name, written(key)), "\n");
        assert_ne!(text, without);
        assert_eq!(read(&text), read(&without), "{} in {:?}", key.name, key.section);
        tried += 1;
    }
    assert!(tried > 70, "{tried}");
}

/// The dates are of no type that a key has; the reader says so for each key that it reads.
#[test]
fn every_key_of_the_table_is_read() {
    for key in KEYS {
        let line = format!("{} = 1979-05-27", key.name);
        let text = if key.section == Section::Root { line } else { with(key.section, &line) };
        let errors = Config::read("f", text.as_bytes()).expect_err("a date is not valid");
        let about = errors.problems().iter().find(|problem| problem.message.contains("found a date"));
        // Below a table of the template, TOML itself sees the double definition.
        let twice = is_table(key) && errors.problems()[0].message.contains("duplicate key");
        let name = about.map(|problem| problem.key.rsplit('.').next().unwrap_or_default());
        assert!(twice || name == Some(key.name), "{} in {:?}: {errors}", key.name, key.section);
    }
}

#[test]
fn the_bounds_in_the_table_are_the_last_valid_values() {
    let accepts = |key: &Key, value: String| {
        let text = with(key.section, &format!("{} = {value}", key.name));
        let text = text + "[clusters.d]\nbackends = [{ address = \"10.0.0.1:80\" }]\n";
        let told = problems(&text);
        let about = told.iter().filter(|line| line.contains("is out of range")).count();
        assert_eq!(told.len(), about, "{told:?}");
        about == 0
    };
    for key in KEYS {
        let (values, min, max): (fn(u64) -> String, u64, u64) = match key.kind {
            Kind::Integer { min, max } => (|n| n.to_string(), min, max),
            Kind::Weights { min, max, .. } => (|n| format!("{{ c = {n}, d = 1 }}"), min, max),
            Kind::Size { min, max } => (|n| format!("{:?}", size_text(n)), min, max),
            Kind::Duration { min, max } => {
                let ms = |duration: std::time::Duration| u64::try_from(duration.as_millis()).expect("short");
                (|n| format!("\"{n}ms\""), ms(min), ms(max))
            }
            _ => continue,
        };
        assert!(accepts(key, values(min)), "{}: least", key.name);
        assert!(accepts(key, values(max)), "{}: most", key.name);
        assert!(!accepts(key, values(max + 1)), "{}: beyond", key.name);
        // No text stands for less than no time.
        if matches!(key.kind, Kind::Duration { .. }) && min == 0 {
            continue;
        }
        let below =
            if min == 0 { values(0).replace('0', "-1").replace("\"-1B\"", "-1") } else { values(min - 1) };
        assert!(!accepts(key, below), "{}: below", key.name);
    }
}

#[test]
fn every_number_in_the_table_is_valid_and_no_other() {
    for key in KEYS {
        let Kind::Number { numbers } = key.kind else { continue };
        for number in 0..1000 {
            let told = problems(&with(key.section, &format!("{} = {number}", key.name)));
            assert_eq!(told.is_empty(), numbers.contains(&number), "{number}: {told:?}");
        }
    }
}

#[test]
fn every_word_in_the_table_is_one_that_the_reader_knows() {
    for key in KEYS {
        let Kind::Word { words, absent } = key.kind else { continue };
        for word in words {
            // A relay of bytes has a cluster.
            let is_relay = key.section == Section::Listener && *word == "tcp";
            let cluster = if is_relay { "\ncluster = \"c\"" } else { "" };
            let text = with(key.section, &format!("{} = {word:?}{cluster}", key.name));
            assert_eq!(problems(&text), [""; 0], "{word}");
        }
        for word in absent {
            assert_eq!(problems(&with(key.section, &format!("{} = {word:?}", key.name))).len(), 1, "{word}");
        }
    }
}

#[test]
fn no_key_is_in_the_table_twice_and_each_says_what_it_is_for() {
    for (n, key) in KEYS.iter().enumerate() {
        let same = |other: &&Key| other.section == key.section && other.name == key.name;
        assert_eq!(KEYS[..n].iter().find(same).map(|key| key.name), None);
        assert!(key.doc.ends_with('.') && !key.doc.contains(['|', '\n']), "{}: {}", key.name, key.doc);
    }
}

#[test]
fn the_page_has_a_row_for_every_key_under_its_section() {
    let page = keys_markdown();
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows.len(), KEYS.len());
    for line in [
        "### `[listeners.timeouts]`",
        "| `head` | duration, 1ms to 24h | `\"10s\"` | From the first byte of a request's head to its last; for the first request, from the connection's start to its first byte as well. |",
        "| `head_bytes` | size, 1KiB to 64KiB | `\"16KiB\"` | The whole head of a request; beyond it the answer is 431. |",
        "| `address` | string: `IP:port`, `[IPv6]:port` or `unix:/path` | required | Where it listens. |",
    ] {
        assert!(page.lines().any(|have| have == line), "{line}\n{page}");
    }
}
