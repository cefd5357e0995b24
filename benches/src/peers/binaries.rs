//! Where the programs come from: Debian's packages, a path given by hand, or this workspace.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;

/// The manifest of the workspace this program was built from.
const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
/// Where daemons live; not on the PATH of everybody.
const DAEMONS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// A program from a package, on the PATH or among the daemons.
pub(crate) fn installed(program: &'static str, package: &'static str) -> Result<PathBuf, Error> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(DAEMONS.map(PathBuf::from));
    let found = folders.map(|folder| folder.join(program)).find(|candidate| candidate.is_file());
    found.ok_or(Error::Missing { program, package })
}

/// A program at a path given by hand.
pub(crate) fn given(path: &Path) -> Result<PathBuf, Error> {
    path.canonicalize().map_err(|_| Error::NoFile { path: path.to_owned() })
}

/// A program of this workspace, from the release folder beside this one.
///
/// It is built first, so that a stale one is never measured; `build` off takes what is there.
pub(crate) fn ours(package: &str, target: Target, build: bool) -> Result<PathBuf, Error> {
    let exe = env::current_exe().map_err(Error::io("cannot tell where this program is"))?;
    // target/PROFILE/peers
    let folder = exe.ancestors().nth(2).unwrap_or(Path::new("target"));
    let path = match target {
        Target::Binary(name) => folder.join("release").join(name),
        Target::Example(name) => folder.join("release/examples").join(name),
    };
    if build {
        let (kind, name) = match target {
            Target::Binary(name) => ("--bin", name),
            Target::Example(name) => ("--example", name),
        };
        let arguments = ["build", "--release", "--quiet", "-p", package, kind, name];
        eprintln!("cargo {}", arguments.join(" "));
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(arguments).args(["--manifest-path", MANIFEST, "--target-dir"]).arg(folder);
        let status = cargo.status().map_err(|source| Error::Spawn { program: "cargo".to_owned(), source })?;
        if !status.success() {
            return Err(Error::Build { command: format!("cargo {}", arguments.join(" ")) });
        }
    }
    given(&path)
}

/// What to build of a package.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// A program.
    Binary(&'static str),
    /// An example.
    Example(&'static str),
}

/// The first line that a program says about its version, on either output.
pub(crate) fn version(program: &Path, argument: &str) -> String {
    let Ok(output) = Command::new(program).arg(argument).output() else { return "unknown".to_owned() };
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    said.lines().find(|line| !line.trim().is_empty()).unwrap_or("unknown").trim().to_owned()
}

/// The commit of this workspace, with `-dirty` when files differ from it.
pub(crate) fn commit() -> String {
    let folder = Path::new(MANIFEST).parent().unwrap_or(Path::new("."));
    let mut git = Command::new("git");
    let described = git.arg("-C").arg(folder).args(["describe", "--always", "--dirty"]).output();
    match described {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        _ => "unknown commit".to_owned(),
    }
}
