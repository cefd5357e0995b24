//! UNIX sockets: connecting to them, and that they carry bytes as others do.

use std::io::ErrorKind;
use std::time::Duration;

use ringway_core::Address;
use ringway_engine::{Engine, Listener, Mode, Spliced, Stream, is_exhaustion};

use crate::books::Bytes;
use crate::harness::{Harness, Outcome, StreamOf, Wish};
use crate::pattern::Pattern;
use crate::talk::{ask_echo, echo, pair, part, piece, recv_pattern};
use crate::tasks::{Cut, cut_after, start};

scenarios! {
    a_unix_socket_carries_bytes_both_ways;
    where_no_socket_is_it_is_not_found;
    where_nobody_listens_any_more_it_is_refused;
    a_full_backlog_is_waited_for_until_the_deadline;
    a_place_in_the_backlog_is_taken_as_soon_as_there_is_one;
    an_attempt_at_a_full_backlog_can_be_given_up;
    a_unix_socket_can_be_spliced;
    each_end_knows_its_own_address;
}

/// Connects, and has whoever listens take it.
async fn connected<H: Harness>(h: &H) -> std::io::Result<(StreamOf<H>, StreamOf<H>)> {
    let (listening, path) = h.listening_unix(4);
    let client = h.engine().connect(Address::Unix(path), h.in_ms(5_000)).await?;
    let server = h.accept_unix(&listening).expect("a connection waits");
    Ok((h.engine().adopt_stream(server)?, client))
}

async fn a_unix_socket_carries_bytes_both_ways<H: Harness>(h: H) -> Outcome {
    for mode in [Mode::Head, Mode::Body] {
        let (server, client) = connected(&h).await?;
        client.set_mode(mode);
        let echoing = start(&h, echo(server, mode));
        let total = h.effort(3 << 20, 100_000);
        ask_echo(&h, &client, 1, total, 100_000).await?;
        part(client).await?;
        assert_eq!(echoing.await?, total);
    }
    Ok(Bytes::AllArrived)
}

async fn where_no_socket_is_it_is_not_found<H: Harness>(h: H) -> Outcome {
    let path = h.no_unix();
    match h.engine().connect(Address::Unix(path.clone()), h.in_ms(5_000)).await {
        Ok(_) => panic!("there is nothing at {path:?}"),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Bytes::AllArrived),
        Err(error) => Err(error),
    }
}

async fn where_nobody_listens_any_more_it_is_refused<H: Harness>(h: H) -> Outcome {
    let (listening, path) = h.listening_unix(4);
    drop(listening);
    match h.engine().connect(Address::Unix(path.clone()), h.in_ms(5_000)).await {
        Ok(_) => panic!("nobody listens at {path:?}"),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(Bytes::AllArrived),
        Err(error) => Err(error),
    }
}

async fn a_full_backlog_is_waited_for_until_the_deadline<H: Harness>(h: H) -> Outcome {
    let (listening, path) = h.listening_unix(2);
    let mut clients = Vec::new();
    let timed_out = loop {
        let at = h.in_ms(60);
        match h.engine().connect(Address::Unix(path.clone()), at).await {
            Ok(client) => clients.push(client),
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                assert!(h.now() >= at, "{:?} early", at.since(h.now()));
                assert!(!h.precise() || h.now() <= at + Duration::from_millis(2));
                break error;
            }
            Err(error) => return Err(error),
        }
        assert!(clients.len() < 10, "a backlog of two has no end");
    };
    // It is the server that is too slow; nothing has run out here.
    assert!(!is_exhaustion(&timed_out));
    for _ in 0..clients.len() {
        assert!(h.accept_unix(&listening).is_some());
    }
    drop(h.engine().connect(Address::Unix(path), h.in_ms(1_000)).await?);
    Ok(Bytes::AllArrived)
}

async fn a_place_in_the_backlog_is_taken_as_soon_as_there_is_one<H: Harness>(h: H) -> Outcome {
    let (listening, path) = h.listening_unix(1);
    let mut clients = Vec::new();
    while let Ok(client) = h.engine().connect(Address::Unix(path.clone()), h.now()).await {
        clients.push(client);
    }
    let own = h.clone();
    let waiting = start(&h, async move { own.engine().connect(Address::Unix(path), own.in_ms(5_000)).await });
    h.sleep_ms(20).await;
    assert!(h.accept_unix(&listening).is_some() || h.fragile());
    drop(waiting.await?);
    Ok(Bytes::AllArrived)
}

async fn an_attempt_at_a_full_backlog_can_be_given_up<H: Harness>(h: H) -> Outcome {
    let (_listening, path) = h.listening_unix(1);
    let mut clients = Vec::new();
    while let Ok(client) = h.engine().connect(Address::Unix(path.clone()), h.now()).await {
        clients.push(client);
    }
    for polls in 0..5 {
        let attempt = h.engine().connect(Address::Unix(path.clone()), h.in_ms(60_000));
        let given_up = cut_after(attempt, polls, Cut::BOTH[polls % 2]).await;
        assert!(given_up.is_none() || h.fragile());
    }
    Ok(Bytes::AllArrived)
}

async fn a_unix_socket_can_be_spliced<H: Harness>(h: H) -> Outcome {
    let total = h.effort(1 << 20, 100_000);
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (inner, outer) = pair(&h, &listener, addr).await?;
    let (server, client) = connected(&h).await?;
    // From the UNIX socket to TCP, and back.
    let (from, to) = (&client, &inner);
    for stream in [&client, &inner, &outer, &server] {
        stream.set_mode(Mode::Body);
    }
    for (source, from, to, sink) in [(&server, from, to, &outer), (&outer, to, from, &server)] {
        source.post(piece(&h, &mut Pattern::new(1), total));
        let mut moved = 0;
        let moving = async {
            while moved < total as u64 {
                match from
                    .splice(to, u64::MAX, Duration::from_secs(30))
                    .await
                    .map_err(std::io::Error::other)?
                {
                    Spliced::Moved(count) => moved += count,
                    Spliced::End => panic!("it has not ended"),
                    Spliced::Unavailable => {
                        let chunk = from.recv().await?.ok_or(ErrorKind::UnexpectedEof)?;
                        moved += chunk.len() as u64;
                        to.send(ringway_engine::Out::Chunk(chunk)).await?;
                    }
                }
            }
            Ok(())
        };
        let outcome = crate::tasks::both(moving, recv_pattern(sink, &mut Pattern::new(1), total)).await;
        match outcome {
            Err(error) if error.kind() == ErrorKind::Other && h.fragile() => return Ok(Bytes::Uneven),
            other => other?,
        };
        source.sent().await?;
    }
    Ok(Bytes::AllArrived)
}

async fn each_end_knows_its_own_address<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let client = h.engine().connect(addr, h.in_ms(5_000)).await?;
    let (server, peer) = listener.accept().await?.expect("nobody has stopped this listener");
    assert_eq!(server.local_address()?, addr);
    assert_eq!(client.local_address()?, peer);
    let (server, client) = connected(&h).await?;
    for stream in [server, client] {
        let error = stream.local_address().expect_err("a UNIX socket has no IP address");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
    Ok(Bytes::AllArrived)
}
