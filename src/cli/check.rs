//! `ringway check`: is this configuration file valid?

use std::path::PathBuf;
use std::process::ExitCode;

use ringway_core::Config;

use super::{config_file, exit};
use crate::coordinator;

const EXAMPLES: &str = "\
Examples:
  ringway check -c /etc/ringway.toml
  ringway check -c /etc/ringway.toml --print
  ringway check -c new.toml && mv new.toml /etc/ringway.toml";

/// Check a configuration file, without starting anything
///
/// Prints what the file holds, and on stderr what is valid but hardly meant. With --print it prints the effective
/// configuration instead: a file that means the same, with every key written out. Otherwise prints every problem on
/// stderr, as FILE:LINE:COLUMN: key: what is wrong; what to write instead, and exits with code 2.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Configuration file (TOML)
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,

    /// Print the effective configuration, every key written out
    #[arg(long)]
    print: bool,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let file = args.config.display();
    let config = match config_file::read(&args.config) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(exit::CONFIGURATION);
        }
    };
    if let Err(error) = coordinator::check(&config) {
        eprintln!("{file}: {error}");
        return ExitCode::from(exit::CONFIGURATION);
    }
    if args.print {
        print!("{}", effective(config.clone()));
    } else {
        println!("{file}: ok ({})", contents(&config));
    }
    for warning in config.warnings() {
        eprintln!("{file}: warning: {warning}");
    }
    exit::OK
}

/// A file that means the same, wherever it lies.
fn effective(mut config: Config) -> String {
    for file in config.files_mut() {
        if let Ok(absolute) = std::path::absolute(&file) {
            *file = absolute;
        }
    }
    config.to_toml()
}

fn contents(config: &Config) -> String {
    let backends = config.clusters.iter().map(|cluster| cluster.backends.len()).sum();
    let listeners = counted(config.listeners.len(), "listener");
    let clusters = counted(config.clusters.len(), "cluster");
    format!("{listeners}, {clusters}, {}", counted(backends, "backend"))
}

fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_means_the_same_in_any_folder() {
        let text = r#"
            listeners = [{ name = "a", address = "127.0.0.1:1" }]
            clusters.c = { frontends = [{}], backends = [{ address = "127.0.0.1:2" }] }
            answers = [{ status = 503, html = "pages/503.html", json = "/etc/503.json" }]
        "#;
        let config = Config::read("conf/a.toml", text.as_bytes()).expect("valid");
        let printed = effective(config.clone());
        let again = Config::read("elsewhere/b.toml", printed.as_bytes()).expect("valid");
        let page = std::env::current_dir().expect("a folder").join("conf/pages/503.html");
        assert_eq!(again.answers[0].html, Some(page));
        assert_eq!(again.answers[0].json, config.answers[0].json);
        assert_eq!((again.listeners, again.clusters), (config.listeners, config.clusters));
    }

    #[test]
    fn one_is_not_many() {
        let [one, two] = ["127.0.0.1:1", "127.0.0.1:2"].map(|address| address.parse().expect("an address"));
        let config = Config::direct("127.0.0.1:0".parse().expect("an address"), &[one, two], None);
        assert_eq!(contents(&config.expect("valid")), "1 listener, 1 cluster, 2 backends");
    }
}
