//! What is sent comes back: every size, both modes, many at once, nothing swapped between connections.

use std::io;
use std::rc::Rc;

use ringway_engine::{Engine, Mode, Out, Stream};

use crate::books::Bytes;
use crate::harness::{Harness, ListenerOf, Outcome, Spec, Visits, Wish};
use crate::pattern::Pattern;
use crate::talk::{
    accept, ask_echo, client, connect, echo, pair, part, piece, recv_pattern, send_pattern, until_gone,
};
use crate::tasks::{all, both, start};

scenarios! {
    every_size_comes_back_whole;
    a_head_and_a_chunk_go_out_as_one;
    static_bytes_are_sent;
    a_shared_buffer_goes_to_two_peers;
    many_connections_do_not_mix with Spec { seeds: 16, ..Spec::default() };
    a_descriptor_used_again_carries_nothing_over with Spec { seeds: 16, ..Spec::default() };
    a_flood_does_not_starve_the_others;
    clients_outside_the_engine_are_served with Spec { outside: true, ..Spec::default() };
}

const SIZES: [usize; 10] = [1, 2, 511, 4_095, 4_096, 4_097, 65_537, 200_000, 1 << 20, 4 << 20];

async fn every_size_comes_back_whole<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let largest = h.effort(4 << 20, 1 << 16);
    for mode in [Mode::Head, Mode::Body] {
        for (id, &size) in SIZES.iter().enumerate().filter(|(_, size)| **size <= largest) {
            let (server, stream) = pair(&h, &listener, addr).await?;
            let server = start(&h, echo(server, mode));
            stream.set_mode(mode);
            ask_echo(&h, &stream, id, size, 1 << 20).await?;
            part(stream).await?;
            assert_eq!(server.await?, size);
        }
    }
    Ok(Bytes::AllArrived)
}

async fn a_head_and_a_chunk_go_out_as_one<H: Harness>(h: H) -> Outcome {
    const TOTAL: usize = 150_000;
    let (listener, addr) = h.listen(Wish::NARROW)?;
    let (server, stream) = pair(&h, &listener, addr).await?;
    let own = h.clone();
    let server = start(&h, async move {
        server.set_mode(Mode::Body);
        let mut frames = 0;
        while let Some(chunk) = server.recv().await? {
            let mut head = own.engine().buffer();
            head.vec().extend_from_slice(&(chunk.len() as u32).to_be_bytes());
            server.send(Out::Both(head, chunk)).await?;
            frames += 1;
        }
        server.shutdown_write();
        server.close().await;
        io::Result::Ok(frames)
    });
    let mut out = Pattern::new(1);
    let sending = async {
        send_pattern(&h, &stream, &mut out, TOTAL, 30_000).await?;
        stream.shutdown_write();
        Ok(())
    };
    let receiving = async {
        let mut all = Vec::new();
        while let Some(chunk) = stream.recv().await? {
            all.extend_from_slice(&chunk);
        }
        io::Result::Ok(all)
    };
    let ((), all) = both(sending, receiving).await?;
    stream.close().await;
    let (mut back, mut rest, mut frames) = (Pattern::new(1), &all[..], 0);
    while let Some((head, behind)) = rest.split_first_chunk::<4>() {
        let (body, next) = behind.split_at(u32::from_be_bytes(*head) as usize);
        back.read(body);
        (rest, frames) = (next, frames + 1);
    }
    assert_eq!((back.at(), frames), (TOTAL, server.await?));
    Ok(Bytes::AllArrived)
}

async fn static_bytes_are_sent<H: Harness>(h: H) -> Outcome {
    static TEXT: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\r\n";
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, stream) = pair(&h, &listener, addr).await?;
    server.send(Out::Static(TEXT)).await?;
    server.shutdown_write();
    server.close().await;
    let mut all = Vec::new();
    while let Some(chunk) = stream.recv().await? {
        all.extend_from_slice(&chunk);
    }
    assert_eq!(all, TEXT);
    stream.close().await;
    Ok(Bytes::AllArrived)
}

async fn a_shared_buffer_goes_to_two_peers<H: Harness>(h: H) -> Outcome {
    const TOTAL: usize = 100_000;
    let (listener, addr) = h.listen(Wish::NARROW)?;
    let (first, to_first) = pair(&h, &listener, addr).await?;
    let (second, to_second) = pair(&h, &listener, addr).await?;
    let mut buffer = h.engine().buffer();
    Pattern::new(3).write(buffer.vec(), TOTAL);
    first.post(Out::Buffer(buffer.share()));
    second.post(Out::Buffer(buffer));
    let (mut at_first, mut at_second) = (Pattern::new(3), Pattern::new(3));
    let receiving =
        both(recv_pattern(&to_first, &mut at_first, TOTAL), recv_pattern(&to_second, &mut at_second, TOTAL));
    both(both(first.sent(), second.sent()), receiving).await?;
    Ok(Bytes::AllArrived)
}

/// Serves an echo on each of `count` connections.
async fn serve<H: Harness>(h: H, listener: Rc<ListenerOf<H>>, count: usize, mode: Mode) -> io::Result<usize> {
    let mut served = Vec::new();
    for _ in 0..count {
        let stream = accept::<H>(&listener).await?;
        served.push(start(&h, echo(stream, mode)));
    }
    Ok(all(served).await?.into_iter().sum())
}

async fn many_connections_do_not_mix<H: Harness>(h: H) -> Outcome {
    let count = h.effort(64, 24);
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let server = start(&h, serve(h.clone(), Rc::new(listener), count, Mode::Head));
    let mut total = 0;
    let mut clients = Vec::new();
    for id in 0..count {
        let size = 1 + h.below(40_000);
        total += size;
        let mode = if h.below(2) == 0 { Mode::Head } else { Mode::Body };
        clients.push(start(&h, client(h.clone(), addr, id, size, mode)));
    }
    let (_, served) = both(all(clients), server).await?;
    assert_eq!(served, total);
    Ok(Bytes::AllArrived)
}

async fn a_descriptor_used_again_carries_nothing_over<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    for id in 0..h.effort(500, 40) {
        let (server, stream) = pair(&h, &listener, addr).await?;
        let (mut out, mut back) = (Pattern::new(id), Pattern::new(id));
        stream.send(piece(&h, &mut out, 100)).await?;
        recv_pattern(&server, &mut back, 100).await?;
        // Something that nobody reads is under way while both descriptors go, one way or the other.
        stream.post(piece(&h, &mut out, 1_000));
        server.post(piece(&h, &mut out, 1_000));
        match h.below(4) {
            0 => drop((server, stream)),
            1 => drop((stream, server)),
            2 => {
                server.close().await;
                stream.close().await;
            }
            _ => {
                drop(stream);
                server.close().await;
            }
        }
    }
    Ok(Bytes::Uneven)
}

async fn a_flood_does_not_starve_the_others<H: Harness>(h: H) -> Outcome {
    const QUIET: usize = 10;
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (sink, flood) = pair(&h, &listener, addr).await?;
    let reading = start(&h, async move { until_gone(&sink).await });
    let own = h.clone();
    let flooding = start(&h, async move {
        let mut out = Pattern::new(0);
        loop {
            if flood.send(piece(&own, &mut out, 64 * 1024)).await.is_err() {
                return;
            }
        }
    });
    let server = start(&h, serve(h.clone(), Rc::new(listener), QUIET, Mode::Head));
    let clients = (1..=QUIET)
        .map(|id| {
            let own = h.clone();
            start(&h, async move {
                let stream = connect(&own, addr).await?;
                for _ in 0..20 {
                    ask_echo(&own, &stream, id, 200, 200).await?;
                }
                part(stream).await
            })
        })
        .collect();
    all(clients).await?;
    assert_eq!(server.await?, QUIET * 20 * 200);
    drop(flooding);
    assert!(reading.await > 0 || h.fragile(), "the flood flowed");
    Ok(Bytes::Uneven)
}

async fn clients_outside_the_engine_are_served<H: Harness>(h: H) -> Outcome {
    let count = h.effort(400, 40);
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let visits = h.visit(addr, count);
    let server = start(&h, serve(h.clone(), Rc::new(listener), count, Mode::Head));
    let visits = visits.await;
    assert!(h.fragile() || visits == Visits { served: count, turned_away: 0 }, "{visits:?}");
    if visits.served == count {
        server.await?;
    }
    Ok(Bytes::Uneven)
}
