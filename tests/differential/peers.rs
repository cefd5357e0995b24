//! nginx and HAProxy, as their packages parse requests by default.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, kill_process};

use crate::variant::HOST;

/// How long it may take to start and answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A peer that runs, on a port that the kernel chose. Dropping it ends it.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) version: String,
    child: Child,
    folder: PathBuf,
}

/// Nothing that decides how requests are read is set; the waits are short, and the Host is passed on as the others do.
const NGINX: &str = "\
daemon off;
user root;
worker_processes 1;
pid @DIR@/nginx.pid;
error_log @DIR@/error.log error;
events { worker_connections 2048; }
http {
    access_log off;
    client_header_timeout 1s;
    client_body_timeout 1s;
    keepalive_timeout 200ms;
    lingering_timeout 200ms;
    client_body_temp_path @DIR@/body;
    proxy_temp_path @DIR@/proxy;
    fastcgi_temp_path @DIR@/fastcgi;
    uwsgi_temp_path @DIR@/uwsgi;
    scgi_temp_path @DIR@/scgi;
    server {
        listen @LISTEN@;
        location / {
            proxy_pass http://@ORIGIN@;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_set_header Host $http_host;
        }
    }
}
";

const HAPROXY: &str = "\
global
    maxconn 2048
defaults
    mode http
    timeout connect 3s
    timeout http-request 1s
    timeout http-keep-alive 200ms
    timeout client 1s
    timeout server 10s
frontend main
    bind fd@@FD@
    default_backend origin
backend origin
    server origin @ORIGIN@
";

impl Peer {
    pub(crate) fn nginx(origin: SocketAddr) -> Peer {
        Peer::start("nginx", NGINX, "-v", origin, |command, folder, file, fd| {
            // A socket that it is handed down is not bound again.
            command.env("NGINX", format!("{fd};")).arg("-p").arg(folder).arg("-c").arg(file);
            command.arg("-e").arg(folder.join("error.log"));
        })
    }

    pub(crate) fn haproxy(origin: SocketAddr) -> Peer {
        Peer::start("haproxy", HAPROXY, "-v", origin, |command, _, file, _| {
            command.args(["-db", "-f"]).arg(file);
        })
    }

    fn start(
        name: &str,
        template: &str,
        version: &str,
        origin: SocketAddr,
        arguments: impl Fn(&mut Command, &Path, &Path, i32),
    ) -> Peer {
        let version = said_version(Command::new(name).arg(version));
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("differential-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder to write to");
        let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("bound");
        // The child takes the listening socket over: the port is never free in between, and connections wait in its
        // backlog until the child is ready.
        fcntl_setfd(&socket, FdFlags::empty()).expect("a descriptor");
        let fd = socket.as_raw_fd();
        let text = template
            .replace("@FD@", &fd.to_string())
            .replace("@DIR@", folder.to_str().expect("a text"))
            .replace("@LISTEN@", &address.to_string())
            .replace("@ORIGIN@", &origin.to_string());
        let file = folder.join(format!("{name}.conf"));
        fs::write(&file, text).expect("a folder to write to");
        let mut command = Command::new(name);
        arguments(&mut command, &folder, &file, fd);
        let log = File::create(folder.join("output.log")).expect("a folder to write to");
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a descriptor"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} can not be started: {error}"));
        let peer = Peer { address, version, child, folder };
        drop(socket);
        peer.greet();
        peer
    }

    /// Sends it a request that everybody serves.
    fn greet(&self) {
        let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
        let mut said = String::new();
        let read = TcpStream::connect(self.address).and_then(|mut stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(request.as_bytes())?;
            stream.read_to_string(&mut said)
        });
        assert!(
            read.is_ok() && said.starts_with("HTTP/1.1 200 "),
            "{read:?}: {said}; its log:\n{}",
            self.log()
        );
    }

    /// What it has to say for itself when something is wrong with it.
    fn log(&self) -> String {
        ["output.log", "error.log"]
            .map(|file| fs::read_to_string(self.folder.join(file)).unwrap_or_default())
            .concat()
    }
}

/// The number in what a program says about its version.
fn said_version(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} can not be run: {error}"));
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let number = |word: &&str| word.chars().next().is_some_and(|first| first.is_ascii_digit());
    said.split([' ', '/', '\n', '-']).find(number).unwrap_or("of an unknown version").to_owned()
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Not killed: nginx takes its worker along. Fails when it has ended already.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
