//! How a subcommand finds the daemon, and what it prints: the options that all of them have.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ringway_loadtest::units;

use super::client;

/// Where a packaged daemon has its socket.
const SOCKET: &str = "/run/ringway/ringway.sock";
/// Says where the socket is, like `--socket`.
const SOCKET_VARIABLE: &str = "RINGWAY_SOCKET";

/// The options of every subcommand that asks a running daemon.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Door {
    /// The daemon's command socket [default: RINGWAY_SOCKET, else what -c says, else /run/ringway/ringway.sock]
    #[arg(short, long, value_name = "PATH", global = true, help_heading = "The daemon")]
    socket: Option<PathBuf>,
    /// The daemon's configuration file: its daemon.command_socket is the socket
    #[arg(short, long, value_name = "FILE", global = true, help_heading = "The daemon")]
    config: Option<PathBuf>,
    /// How long an answer may take, such as 500ms or 1m [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = units::duration, global = true)]
    #[arg(help_heading = "The daemon")]
    timeout: Option<Duration>,
    /// Print the answer as JSON, and on stderr errors as well
    #[arg(long, global = true, help_heading = "The daemon")]
    pub(super) json: bool,
}

/// Why the file does not say where the socket is.
#[derive(Debug, thiserror::Error)]
pub(super) enum DoorError {
    #[error("{}: the configuration file can not be read: {error}; check its path and permissions", file.display())]
    Unreadable { file: PathBuf, error: io::Error },
    #[error("{}: not a TOML file: {error}; ringway check -c FILE shows every problem", file.display())]
    NotToml { file: PathBuf, error: toml::de::Error },
    #[error(
        "{}: daemon.command_socket is not set, so its daemon has no command socket; remedy: set it and restart \
         the daemon, or say where the socket is with -s PATH", file.display()
    )]
    NoSocket { file: PathBuf },
}

impl Door {
    /// How long an answer may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(client::TIMEOUT)
    }

    /// Where the socket is.
    pub(super) fn path(&self) -> Result<PathBuf, DoorError> {
        self.path_with(env::var_os(SOCKET_VARIABLE).map(PathBuf::from))
    }

    fn path_with(&self, variable: Option<PathBuf>) -> Result<PathBuf, DoorError> {
        if let Some(path) = &self.socket {
            return Ok(path.clone());
        }
        if let Some(path) = variable.filter(|path| !path.as_os_str().is_empty()) {
            return Ok(path);
        }
        self.config.as_deref().map_or_else(|| Ok(PathBuf::from(SOCKET)), configured)
    }
}

/// What a configuration file says. One with mistakes elsewhere may well be the file of a running daemon that it is about to
/// be loaded into, so nothing else of it is looked at.
fn configured(file: &Path) -> Result<PathBuf, DoorError> {
    let content =
        fs::read_to_string(file).map_err(|error| DoorError::Unreadable { file: file.to_owned(), error })?;
    let table: toml::Table =
        content.parse().map_err(|error| DoorError::NotToml { file: file.to_owned(), error })?;
    let socket = table.get("daemon").and_then(|daemon| daemon.get("command_socket"));
    let Some(socket) = socket.and_then(toml::Value::as_str) else {
        return Err(DoorError::NoSocket { file: file.to_owned() });
    };
    Ok(file.parent().unwrap_or(Path::new("")).join(socket))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(socket: Option<&str>, config: Option<&Path>) -> Door {
        let config = config.map(Path::to_owned);
        Door { socket: socket.map(PathBuf::from), config, timeout: None, json: false }
    }

    fn file(name: &str, content: &str) -> PathBuf {
        let file = env::temp_dir().join(format!("ringway-door-{}-{name}.toml", std::process::id()));
        fs::write(&file, content).expect("a temporary file");
        file
    }

    #[test]
    fn the_option_goes_before_the_variable_before_the_file_before_the_default() {
        let config = file("order", "daemon.command_socket = \"/run/c.sock\"\nlisteners = 5");
        let variable = || Some(PathBuf::from("/run/b.sock"));
        let path = |door: &Door, variable| door.path_with(variable).expect("a path");
        assert_eq!(path(&door(Some("/run/a.sock"), Some(&config)), variable()), Path::new("/run/a.sock"));
        assert_eq!(path(&door(None, Some(&config)), variable()), Path::new("/run/b.sock"));
        assert_eq!(path(&door(None, Some(&config)), None), Path::new("/run/c.sock"));
        assert_eq!(path(&door(None, Some(&config)), Some(PathBuf::new())), Path::new("/run/c.sock"));
        assert_eq!(path(&door(None, None), None), Path::new(SOCKET));
        fs::remove_file(config).expect("it is there");
    }

    #[test]
    fn a_relative_socket_begins_at_the_folder_of_its_file() {
        let config = file("relative", "[daemon]\ncommand_socket = \"ringway.sock\"");
        let path = door(None, Some(&config)).path_with(None).expect("a path");
        assert_eq!(path, env::temp_dir().join("ringway.sock"));
        fs::remove_file(config).expect("it is there");
    }

    #[test]
    fn a_file_that_says_nothing_is_refused_with_a_remedy() {
        let none = file("none", "daemon.shards = 2");
        let broken = file("broken", "daemon = ");
        for (file, text) in [
            (none.as_path(), "command_socket is not set"),
            (&broken, "not a TOML file"),
            (Path::new("/nowhere/ringway.toml"), "No such file"),
        ] {
            let refusal = door(None, Some(file)).path_with(None).expect_err(text).to_string();
            assert!(refusal.starts_with(&file.display().to_string()) && refusal.contains(text), "{refusal}");
        }
        fs::remove_file(none).and_then(|()| fs::remove_file(broken)).expect("they are there");
    }
}
