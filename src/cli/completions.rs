//! `ringway completions`: what a shell completes.

use std::process::ExitCode;

use clap_complete::Shell;

use super::ask;

const EXAMPLES: &str = "\
Examples:
  ringway completions bash > /etc/bash_completion.d/ringway
  ringway completions zsh > /usr/local/share/zsh/site-functions/_ringway
  ringway completions fish > ~/.config/fish/completions/ringway.fish";

/// Print the completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Which shell
    shell: Shell,
}

pub(crate) fn run(args: &Args, mut command: clap::Command) -> ExitCode {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command, "ringway", &mut text);
    ask::print(&String::from_utf8_lossy(&text))
}
