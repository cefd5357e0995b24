//! Answers of our own: in the client's form, in the operator's words, with the request's id.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use crate::common::{Daemon, Origin, Response};

const BROWSER: &str = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n";

/// Where nobody listens.
fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound")
}

/// A cluster without a live backend under `/dead`, no route elsewhere, and this.
fn failing(more: &str) -> Daemon {
    Daemon::configured(&format!(
        "listeners = [{{ name = \"main\", address = \"127.0.0.1:0\" }}]\n{more}\n\
         [clusters.dead]\nfrontends = [{{ path_prefix = \"/dead\" }}]\nbackends = [{{ address = \"{}\" }}]\n",
        nowhere()
    ))
}

fn request_id(answer: &Response) -> String {
    let id = answer.header("x-request-id").expect("an id");
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    id.to_owned()
}

#[test]
fn the_client_s_accept_chooses_the_form() {
    let daemon = failing("");
    let mut client = daemon.client();
    for (status, target) in [(503, "/dead"), (404, "/lost")] {
        for (accept, form) in [
            ("", "text/plain"),
            ("Accept: */*\r\n", "text/plain"),
            (BROWSER, "text/html; charset=utf-8"),
            ("Accept: application/json\r\n", "application/json"),
            ("accept:application/problem+json, text/html;q=0.5\r\n", "application/json"),
            ("Accept: image/png\r\n", "text/plain"),
        ] {
            let answer = client.ask(format!("GET {target} HTTP/1.1\r\nHost: test\r\n{accept}\r\n"));
            assert_eq!(answer.status, status);
            assert_eq!(answer.header("content-type"), Some(form), "{status} for {accept:?}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            let id = request_id(&answer);
            assert!(answer.text().contains(&id), "the id stands in the text as well");
            assert!(answer.text().contains(&status.to_string()), "{}", answer.text());
        }
    }
}

#[test]
fn each_request_has_an_id_of_its_own() {
    let daemon = failing("");
    let mut client = daemon.client();
    let mut ids: Vec<_> = (0..20).map(|_| request_id(&client.get("/dead"))).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 20);
}

#[test]
fn an_answer_to_head_tells_the_length_and_has_no_body() {
    let daemon = failing("");
    let mut client = daemon.client();
    for target in ["/dead", "/lost"] {
        let whole = client.get(target);
        let head =
            client.send(format!("HEAD {target} HTTP/1.1\r\nHost: test\r\n\r\n")).head().expect("an answer");
        assert_eq!(head.status, whole.status);
        assert_eq!(head.header("content-length"), whole.header("content-length"));
        assert_eq!(client.get(target).status, whole.status, "nothing stood behind the head");
    }
}

#[test]
fn the_operator_s_texts_take_the_place_of_the_built_in_ones() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let name = |form: &str| format!("sorry-{}.{form}", std::process::id());
    let html = "<p class=\"{x}\">{status} {reason}: call us about {request_id} or {request_id}</p>";
    let json = "{\"code\": {status}, \"id\": \"{request_id}\"}";
    fs::write(folder.join(name("html")), html).expect("a folder to write to");
    fs::write(folder.join(name("json")), json).expect("a folder to write to");
    // Relative to the folder of the configuration file.
    let daemon = failing(&format!(
        "answers = [{{ status = 503, html = \"{}\", json = \"{}\" }}, {{ status = 404, json = \"{}\" }}]",
        name("html"),
        name("json"),
        name("json"),
    ));
    for form in ["html", "json"] {
        let _ = fs::remove_file(folder.join(name(form)));
    }
    let mut client = daemon.client();
    let mut ask = |target: &str, accept: &str| {
        client.ask(format!("GET {target} HTTP/1.1\r\nHost: test\r\nAccept: {accept}\r\n\r\n"))
    };
    let page = ask("/dead", "text/html");
    let id = request_id(&page);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(
        page.text(),
        format!("<p class=\"{{x}}\">503 Service Unavailable: call us about {id} or {id}</p>")
    );
    let object = ask("/dead", "application/json");
    assert_eq!(object.text(), format!("{{\"code\": 503, \"id\": \"{}\"}}", request_id(&object)));
    let object = ask("/lost", "application/json");
    assert_eq!(object.text(), format!("{{\"code\": 404, \"id\": \"{}\"}}", request_id(&object)));
    // For what the operator gave no text the built-in ones are there.
    assert!(ask("/lost", "text/html").text().starts_with("<!doctype html>"));
    assert!(ask("/dead", "text/plain").text().starts_with("503 Service Unavailable"));
}

#[test]
fn a_request_that_is_refused_is_answered_with_an_id_as_well() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    let mut client = daemon.client();
    let answer = client.ask("GET / HTTP/1.1\r\n\r\n");
    assert_eq!((answer.status, answer.header("content-type")), (400, Some("text/plain")));
    assert!(answer.text().contains(&request_id(&answer)));
    assert_eq!(answer.header("connection"), Some("close"));
}

#[test]
fn a_backend_and_a_client_are_told_the_same_id() {
    let (sender, ids) = std::sync::mpsc::channel();
    let origin = Origin::with(move |request, _| {
        let _ = sender.send(request.header("x-request-id").map(str::to_owned));
        Err(std::io::ErrorKind::Other.into())
    });
    let daemon = Daemon::tuned("forwarding = { request_id = \"new\" }", "retries = 0", &[origin.address]);
    let answer = daemon.client().get("/");
    assert_eq!(answer.status, 502);
    assert_eq!(ids.recv().expect("it arrived"), Some(request_id(&answer)));
}
