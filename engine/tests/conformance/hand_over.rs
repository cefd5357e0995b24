//! A connection handed over from one engine to another: nothing of it is lost, and the peer notices nothing.

use std::io;

use ringway_engine::{Chunk, Deadline, Engine, Mode, Out, Stream};

use crate::books::Bytes;
use crate::harness::{Harness, Outcome, Spec, StreamOf, Wish};
use crate::pattern::Pattern;
use crate::talk::{ask_echo, echo, expect_end, pair, part, piece, recv_pattern, send_pattern};
use crate::tasks::{Cut, both, cut_after};

scenarios! {
    an_accepted_connection_is_served_by_another_engine with Spec { seeds: 60, outside: true, ..Spec::default() };
    both_ends_of_a_connection_go_on_in_another_engine with Spec { seeds: 60, outside: true, ..Spec::default() };
    many_connections_go_over_and_none_is_lost with Spec { outside: true, ..Spec::default() };
    a_stream_that_waits_for_bytes_stays with Spec { seeds: 60, ..Spec::default() };
    a_stream_that_has_received_stays;
    a_stream_that_sends_stays_until_it_is_done with Spec { seeds: 60, ..Spec::default() };
    deadlines_stay_behind;
    a_socket_given_back_and_dropped_ends_the_connection;
}

/// Less than any window: it can be sent without anybody who receives.
const LITTLE: usize = 500;

/// Takes the socket of a stream of which nothing is in flight.
fn socket<H: Harness>(h: &H, stream: StreamOf<H>) -> <H::Engine as Engine>::Socket {
    let before = h.engine().counters().streams;
    let socket = stream.into_socket().unwrap_or_else(|_| panic!("an untouched stream stays"));
    assert_eq!(h.engine().counters().streams, before - 1);
    socket
}

/// Tries to take the socket of a stream that has to stay.
fn stays<S: Stream>(stream: S) -> S {
    stream.into_socket().err().expect("it is in use, and was given away")
}

async fn an_accepted_connection_is_served_by_another_engine<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    let (mut out, mut back) = (Pattern::new(3), Pattern::new(3));
    client.send(piece(&h, &mut out, LITTLE)).await?;
    client.shutdown_write();
    let server = socket(&h, server);
    let served = h.elsewhere(vec![server], |_, streams| async move {
        for stream in streams {
            assert_eq!(echo(stream, Mode::Head).await?, LITTLE);
        }
        Ok(())
    });
    both(served, recv_pattern(&client, &mut back, LITTLE)).await?;
    expect_end(&client).await?;
    Ok(Bytes::Uneven)
}

async fn both_ends_of_a_connection_go_on_in_another_engine<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    // So often that the kernel's ring has registered it.
    send_pattern(&h, &client, &mut Pattern::new(4), LITTLE, LITTLE / 20).await?;
    let ends = vec![socket(&h, server), socket(&h, client)];
    h.elsewhere(ends, |h, streams| async move {
        let [server, client] = streams.try_into().ok().expect("two ends");
        let talking = async {
            recv_pattern(&client, &mut Pattern::new(4), LITTLE).await?;
            ask_echo(&h, &client, 5, 30_000, 4_000).await?;
            part(client).await
        };
        both(echo(server, Mode::Head), talking).await?;
        Ok(())
    })
    .await?;
    Ok(Bytes::Uneven)
}

async fn many_connections_go_over_and_none_is_lost<H: Harness>(h: H) -> Outcome {
    let count = h.effort(200, 20);
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (mut sockets, mut clients) = (Vec::new(), Vec::new());
    for id in 0..count {
        let (server, client) = pair(&h, &listener, addr).await?;
        client.send(piece(&h, &mut Pattern::new(id), LITTLE)).await?;
        sockets.push(socket(&h, server));
        clients.push(client);
    }
    let served = h.elsewhere(sockets, |_, streams| async move {
        for stream in streams {
            // One piece comes and goes back; the rest is for the end of the connection.
            let chunk = stream.recv().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let mut missing = LITTLE - chunk.len();
            stream.send(Out::Chunk(chunk)).await?;
            while missing > 0 {
                let chunk = stream.recv().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
                missing -= chunk.len();
                stream.send(Out::Chunk(chunk)).await?;
            }
            stream.close().await;
        }
        Ok(())
    });
    served.await?;
    for (id, client) in clients.into_iter().enumerate() {
        recv_pattern(&client, &mut Pattern::new(id), LITTLE).await?;
        expect_end(&client).await?;
    }
    Ok(Bytes::Uneven)
}

async fn a_stream_that_waits_for_bytes_stays<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    for mode in [Mode::Idle, Mode::Head, Mode::Body] {
        let (server, client) = pair(&h, &listener, addr).await?;
        server.set_mode(mode);
        assert!(cut_after(server.recv(), 1, Cut::Waiting).await.is_none(), "nobody has sent anything");
        let server = stays(server);
        both(echo(server, mode), async {
            ask_echo(&h, &client, 6, 5_000, 700).await?;
            part(client).await
        })
        .await?;
    }
    Ok(Bytes::AllArrived)
}

async fn a_stream_that_has_received_stays<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    server.set_mode(Mode::Head);
    client.send(piece(&h, &mut Pattern::new(7), LITTLE)).await?;
    client.shutdown_write();
    h.sleep_ms(60).await;
    let server = stays(server);
    let mut back = Pattern::new(7);
    while let Some(mut chunk) = server.recv().await? {
        let rest = chunk.split_to(chunk.len() / 2);
        back.read(&rest);
        back.read(&chunk);
    }
    assert_eq!(back.at(), LITTLE);
    // It has ended, and only this engine knows.
    drop(stays(server));
    Ok(Bytes::AllArrived)
}

async fn a_stream_that_sends_stays_until_it_is_done<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    let mut out = Pattern::new(8);
    client.post(piece(&h, &mut out, LITTLE));
    let client = stays(client);
    client.sent().await?;
    // What was sent is the kernel's business, so now it may go: back here.
    let client = h.engine().adopt_stream(socket(&h, client))?;
    let sending = async {
        client.send(piece(&h, &mut out, LITTLE)).await?;
        client.shutdown_write();
        expect_end(&client).await
    };
    let receiving = async {
        recv_pattern(&server, &mut Pattern::new(8), 2 * LITTLE).await?;
        expect_end(&server).await?;
        server.shutdown_write();
        Ok(())
    };
    both(sending, receiving).await?;
    Ok(Bytes::AllArrived)
}

async fn deadlines_stay_behind<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    server.set_deadline(Deadline::Recv, h.in_ms(5));
    let server = h.engine().adopt_stream(socket(&h, server))?;
    let asking = async {
        h.sleep_ms(40).await;
        ask_echo(&h, &client, 9, LITTLE, LITTLE).await?;
        part(client).await
    };
    both(echo(server, Mode::Head), asking).await?;
    Ok(Bytes::AllArrived)
}

async fn a_socket_given_back_and_dropped_ends_the_connection<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    drop(socket(&h, server));
    expect_end(&client).await?;
    Ok(Bytes::AllArrived)
}
