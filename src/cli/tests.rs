//! The command line as a whole.

use super::*;

mod verbs_page;

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

/// Every command, with the words that lead to it.
fn commands(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
    found.push((path.to_owned(), command.clone()));
    for inner in command.get_subcommands() {
        commands(inner, &format!("{path} {}", inner.get_name()), found);
    }
}

#[test]
fn every_subcommand_has_examples_that_are_valid() {
    let mut found = Vec::new();
    commands(&Cli::command(), "ringway", &mut found);
    let mut examples = 0;
    for (path, command) in found.iter().filter(|(path, _)| path.split(' ').count() == 2) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let (_, lines) = help.split_once("Examples:\n").unwrap_or_else(|| panic!("{path} has no examples"));
        for line in lines.lines().take_while(|line| line.starts_with("  ")) {
            // What the shell does with it is not ours.
            let line = line.trim_start().split([';', '|', '>', '&']).next().expect("a part").trim();
            if line.starts_with("ringway ") && !line.contains('<') {
                let words = verbs_page::shell(line);
                assert!(words.join(" ").starts_with(path.as_str()), "{line} is no {path}");
                Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"));
                examples += 1;
            }
        }
    }
    assert!(examples > 50, "{examples}");
}

#[test]
fn there_is_a_manual_page_for_every_subcommand_and_completions_for_every_shell() {
    use clap::ValueEnum;
    let folder = std::env::temp_dir().join(format!("ringway-man-{}", std::process::id()));
    let args = ["ringway", "man", "--out", folder.to_str().expect("a path in UTF-8")];
    let Command::Man(args) = Cli::try_parse_from(args).expect("valid").command else { panic!("another one") };
    assert_eq!(man::run(&args, Cli::command()), exit::OK);
    let mut found = Vec::new();
    commands(&Cli::command(), "ringway", &mut found);
    for (path, _) in &found {
        let page = folder.join(path.replace(' ', "-") + ".1");
        let text =
            std::fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        assert!(text.contains(".SH SYNOPSIS"), "{}", page.display());
    }
    std::fs::remove_dir_all(folder).expect("it was made");
    for shell in clap_complete::Shell::value_variants() {
        let mut text = Vec::new();
        clap_complete::generate(*shell, &mut Cli::command(), "ringway", &mut text);
        assert!(String::from_utf8_lossy(&text).contains("health-check"), "{shell}");
    }
}
