//! `docs/verbs.md` says what the code does: nothing is missing, and nothing is different.

use std::collections::BTreeSet;

use ringway_core::{Answer, Change, ErrorCode, Verb};
use serde::de::DeserializeOwned;

use crate::cli::{Cli, Command, exit};
use clap::{CommandFactory, Parser};

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/verbs.md"));

type Names = BTreeSet<String>;

/// One `###` section.
struct Section {
    name: String,
    text: &'static str,
    /// Whether it stands under `## Changes`.
    is_change: bool,
}

fn chapter(title: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(&format!("\n## {title}\n")).expect(title);
    rest.split_once("\n## ").map_or(rest, |(chapter, _)| chapter)
}

fn sections() -> Vec<Section> {
    let of = |title, is_change| {
        chapter(title).split("\n### `").skip(1).map(move |text| {
            let (name, text) = text.split_once("`\n").expect("a heading");
            Section { name: name.to_owned(), text, is_change }
        })
    };
    of("Changes", true).chain(of("Verbs", false)).collect()
}

impl Section {
    /// The lines of the blocks of a language.
    fn lines(&self, language: &str) -> Vec<&'static str> {
        let fence = format!("```{language}\n");
        let blocks = self.text.split(fence.as_str()).skip(1);
        blocks.flat_map(|block| block.split("\n```").next().expect("a part").lines()).collect()
    }

    fn arguments(&self) -> Names {
        first_column(self.text.split("```").next().expect("a part"))
    }
}

/// The names in backticks with which the rows of tables begin.
fn first_column(text: &str) -> Names {
    let cells = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    cells.map(|(name, _)| name.to_owned()).collect()
}

/// The names that serde expected where it found `?`.
fn expected(error: &serde_json::Error) -> Names {
    let text = error.to_string();
    let Some((_, names)) = text.split_once(", expected ") else { return Names::new() };
    names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn names<T: DeserializeOwned>(json: &str) -> Names {
    expected(&serde_json::from_str::<T>(json).err().expect("? is no name"))
}

/// The words of a command line, as a shell would have them: only single quotes are known.
pub(super) fn shell(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (n, part) in line.split('\'').enumerate() {
        if n % 2 == 1 {
            words.last_mut().expect("one").push_str(part);
            continue;
        }
        for (m, word) in part.split(' ').enumerate() {
            if m > 0 {
                words.push(String::new());
            }
            words.last_mut().expect("one").push_str(word);
        }
    }
    words
}

/// What a command line asks.
fn asked(line: &str) -> Verb {
    let cli = Cli::try_parse_from(shell(line)).unwrap_or_else(|error| panic!("{line}: {error}"));
    if let Command::Events(args) = &cli.command {
        return args.verb();
    }
    let (_, question) = cli.command.question().expect("it asks");
    question.unwrap_or_else(|error| panic!("{line}: {error}")).verb
}

#[test]
fn every_verb_and_change_has_its_section() {
    let told = |is_change| {
        let sections = sections().into_iter().filter(move |section| section.is_change == is_change);
        sections.map(|section| section.name).collect::<Names>()
    };
    assert_eq!(told(false), names::<Verb>(r#"{"verb":"?"}"#));
    assert_eq!(told(true), names::<Change>(r#"{"change":"?"}"#));
}

#[test]
fn every_answer_and_error_is_told() {
    assert_eq!(first_column(chapter("Answers")), names::<Answer>(r#"{"answer":"?"}"#));
    assert_eq!(first_column(chapter("Errors")), names::<ErrorCode>(r#""?""#));
    for line in chapter("Errors").lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let code: ErrorCode = serde_json::from_str(&cells[1].replace('`', "\"")).expect("a code");
        assert_eq!(cells[3], exit::of(code).to_string(), "{line}");
    }
}

#[test]
fn every_argument_is_told() {
    for section in sections() {
        let tag = if section.is_change { "change" } else { "verb" };
        let json = format!(r#"{{"{tag}":"{}","?":0}}"#, section.name);
        let known = if section.is_change {
            serde_json::from_str::<Change>(&json).err()
        } else {
            serde_json::from_str::<Verb>(&json).err()
        };
        // One without arguments may overlook those it does not know.
        let known = known.map_or_else(Names::new, |error| expected(&error));
        assert_eq!(section.arguments(), known, "{}", section.name);
    }
}

#[test]
fn each_command_line_asks_what_stands_behind_it() {
    for section in sections() {
        let (lines, json) = (section.lines("sh"), section.lines("json"));
        assert!(!json.is_empty(), "{}", section.name);
        let verbs = json.iter().map(|json| {
            let expect = |error: serde_json::Error| -> ! { panic!("{json}: {error}") };
            if section.is_change {
                let change: Change = serde_json::from_str(json).unwrap_or_else(|error| expect(error));
                assert_eq!(change.name(), section.name);
                assert_eq!(serde_json::to_string(&change).expect("plain data"), *json);
                Verb::Apply { changes: vec![change], dry_run: false }
            } else {
                let verb: Verb = serde_json::from_str(json).unwrap_or_else(|error| expect(error));
                assert_eq!(verb.name(), section.name);
                assert_eq!(serde_json::to_string(&verb).expect("plain data"), *json);
                verb
            }
        });
        let verbs: Vec<_> = verbs.collect();
        if ["fault", "unavailable"].contains(&section.name.as_str()) {
            assert!(lines.is_empty(), "no command asks for what is not there, or does harm");
            continue;
        }
        assert_eq!(lines.len(), verbs.len(), "{}", section.name);
        for (line, verb) in lines.iter().zip(verbs) {
            assert_eq!(asked(line), verb, "{line}");
        }
    }
}

#[test]
fn every_subcommand_that_asks_is_told() {
    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        let mut inner = command.get_subcommands().peekable();
        if inner.peek().is_none() {
            found.push(path.to_owned());
        }
        for command in inner {
            leaves(command, &format!("{path} {}", command.get_name()), found);
        }
    }
    let mut found = Vec::new();
    leaves(&Cli::command(), "ringway", &mut found);
    let local = ["start", "check", "demo", "completions", "man"].map(|name| format!("ringway {name}"));
    assert!(local.iter().all(|name| found.contains(name)));
    for path in found.iter().filter(|path| !local.contains(path)) {
        let told = PAGE.lines().any(|line| line == path || line.starts_with(&format!("{path} ")));
        assert!(told || PAGE.contains(&format!("`{path} ")), "{path}");
    }
}

#[test]
fn every_request_of_the_protocol_leads_to_a_verb_that_exists() {
    let known: Names =
        names::<Verb>(r#"{"verb":"?"}"#).into_iter().chain(names::<Change>(r#"{"change":"?"}"#)).collect();
    let mut numbers = Vec::new();
    for line in chapter("Requests of the Sozu protocol").lines().filter_map(|line| line.strip_prefix("| ")) {
        let Some((number, rest)) = line.split_once(" `") else { continue };
        numbers.push(number.parse::<u32>().expect("a field"));
        let (_, verbs) = rest.split_once(" | ").expect("two columns");
        let verbs: Vec<_> = verbs.split('`').skip(1).step_by(2).collect();
        assert!(!verbs.is_empty() && verbs.iter().all(|verb| known.contains(*verb)), "{line}");
    }
    // The numbers that the protocol has given out.
    let given: Vec<_> = (1..=75).filter(|n| !matches!(n, 3 | 32..=34)).collect();
    assert_eq!(numbers, given);
}
