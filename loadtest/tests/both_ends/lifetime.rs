//! Starting and stopping.

use std::net::TcpStream;

use ringway_loadtest::origin::{self, Settings, SpawnError};

use crate::client::{Client, origin, settings};

#[test]
fn stopping_closes_the_listener_and_the_connections() {
    let origin = origin();
    let addr = origin.addr();
    let mut idle = Client::connect(addr);
    let mut busy = Client::connect(addr);
    assert_eq!(idle.get("/").status, 200);
    busy.send("GET /?delay=600000 HTTP/1.1\r\n\r\n");
    origin.stop().expect("it had not failed");
    assert!(idle.is_gone() && busy.is_gone());
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn an_origin_comes_back_at_the_same_address() {
    let mut origin = origin();
    let addr = origin.addr();
    for _ in 0..5 {
        let mut client = Client::connect(addr);
        assert_eq!(client.get("/").status, 200);
        origin.stop().expect("it had not failed");
        origin = origin::spawn(&Settings { listen: addr, ..settings() }).expect("the address is free again");
        assert_eq!((origin.addr(), origin.requests()), (addr, 0));
    }
}

#[test]
fn an_address_that_is_taken_is_an_error() {
    let origin = origin();
    let taken = origin::spawn(&Settings { listen: origin.addr(), ..settings() });
    assert!(matches!(taken, Err(SpawnError::Listen { address, .. }) if address == origin.addr()));
}

#[test]
fn threads_share_the_address_and_the_requests() {
    let origin = origin::spawn(&Settings { threads: 3, ..settings() }).expect("an origin");
    for _ in 0..30 {
        assert_eq!(Client::connect(origin.addr()).get("/").status, 200);
    }
    assert_eq!(origin.requests(), 30);
}

#[test]
fn a_core_that_is_not_there_is_an_error() {
    let error = origin::spawn(&Settings { pin: Some(1_000_000), ..settings() }).expect_err("no such core");
    assert!(error.to_string().contains("core 1000000"), "{error}");
}
