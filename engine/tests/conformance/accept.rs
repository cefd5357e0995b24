//! Accepting: a cancelled accept loses no client, and every client gets the peer it asked for.

use std::rc::Rc;

use ringway_engine::{Engine, Listener, Mode, Stream};

use crate::books::Bytes;
use crate::harness::{Harness, Outcome, Spec, Visits, Wish};
use crate::talk::{accept, client, connect, echo, expect_end, pair, until_gone};
use crate::tasks::{Cut, all, both, cut_after, start};

scenarios! {
    a_cancelled_accept_leaves_the_client_to_the_next with Spec { seeds: 40, ..Spec::default() };
    a_cancelled_accept_races_with_many_clients with Spec { seeds: 40, ..Spec::default() };
    a_cancelled_accept_races_with_clients_outside with Spec { outside: true, ..Spec::default() };
    every_client_has_a_peer_address_of_its_own;
    a_client_that_left_before_it_was_accepted_hurts_nobody;
    a_dropped_listener_ends_those_it_had_not_handed_out;
    two_listeners_do_not_mix_their_clients;
    no_more_are_accepted_than_there_is_room_for with Spec { seeds: 40, ..Spec::default() };
}

async fn a_cancelled_accept_leaves_the_client_to_the_next<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let listener = Rc::new(listener);
    for cut in Cut::BOTH {
        for polls in 0..4 {
            for early in [false, true] {
                let own = h.clone();
                let client = start(&h, async move {
                    if !early {
                        own.sleep_ms(2).await;
                    }
                    client(own, addr, polls, 500, Mode::Head).await
                });
                if early {
                    // The client is in the queue before anyone looks.
                    h.sleep_ms(3).await;
                }
                let serving = async {
                    let server = match cut_after(listener.accept(), polls, cut).await {
                        Some(accepted) => accepted?.expect("nobody has stopped this listener").0,
                        None => {
                            h.sleep_ms(h.below(5) as u64).await;
                            accept::<H>(&listener).await?
                        }
                    };
                    echo(server, Mode::Head).await
                };
                both(client, serving).await?;
            }
        }
    }
    Ok(Bytes::AllArrived)
}

async fn a_cancelled_accept_races_with_many_clients<H: Harness>(h: H) -> Outcome {
    let count = h.effort(200, 30);
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let clients: Vec<_> = (0..count)
        .map(|id| {
            let own = h.clone();
            start(&h, async move {
                own.sleep_ms(own.below(20) as u64).await;
                client(own, addr, id, 200, Mode::Head).await
            })
        })
        .collect();
    let serving = async {
        let mut served = Vec::new();
        while served.len() < count {
            let cut = Cut::BOTH[h.below(2)];
            match cut_after(listener.accept(), h.below(3), cut).await {
                Some(accepted) => {
                    let (stream, _) = accepted?.expect("nobody has stopped this listener");
                    served.push(start(&h, echo(stream, Mode::Head)));
                }
                None if h.below(2) == 0 => h.engine().yield_now().await,
                None => h.sleep_ms(1).await,
            }
        }
        all(served).await
    };
    both(all(clients), serving).await?;
    Ok(Bytes::AllArrived)
}

async fn a_cancelled_accept_races_with_clients_outside<H: Harness>(h: H) -> Outcome {
    let count = h.effort(400, 20);
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let visits = h.visit(addr, count);
    let own = h.clone();
    let server = start(&h, async move {
        let mut served = Vec::new();
        while served.len() < count {
            let cut = Cut::BOTH[own.below(2)];
            // Woken or not, it may take long until the next client comes: only what waits is cut off.
            let polls = if cut == Cut::Woken { 1 } else { own.below(3) };
            match cut_after(listener.accept(), polls, cut).await {
                Some(accepted) => {
                    let (stream, _) = accepted?.expect("nobody has stopped this listener");
                    served.push(start(&own, echo(stream, Mode::Head)));
                }
                None => own.engine().yield_now().await,
            }
        }
        all(served).await
    });
    let visits = visits.await;
    assert!(h.fragile() || visits == Visits { served: count, turned_away: 0 }, "{visits:?}");
    if visits.turned_away == 0 {
        server.await?;
    }
    Ok(Bytes::Uneven)
}

async fn every_client_has_a_peer_address_of_its_own<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let mut peers = Vec::new();
    let mut kept = Vec::new();
    for _ in 0..20 {
        let (accepted, stream) = both(listener.accept(), connect(&h, addr)).await?;
        let (server, peer) = accepted.expect("nobody has stopped this listener");
        assert!(peer.ip().is_loopback() && peer != addr, "{peer}");
        assert!(!peers.contains(&peer), "{peer} twice, and both connections are open");
        peers.push(peer);
        kept.push((server, stream));
    }
    Ok(Bytes::AllArrived)
}

async fn a_client_that_left_before_it_was_accepted_hurts_nobody<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    for _ in 0..10 {
        connect(&h, addr).await?.close().await;
    }
    let last = start(&h, client(h.clone(), addr, 1, 100, Mode::Head));
    let own = h.clone();
    let server = start(&h, async move {
        loop {
            // Those who left are either not handed out at all or end at once.
            let stream = accept::<H>(&listener).await?;
            let bytes = echo(stream, Mode::Head).await;
            if matches!(bytes, Ok(100)) {
                return bytes;
            }
            own.engine().yield_now().await;
        }
    });
    last.await?;
    server.await?;
    Ok(Bytes::AllArrived)
}

async fn a_dropped_listener_ends_those_it_had_not_handed_out<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    // The accept is armed, so that some are taken in and others still queue.
    assert!(cut_after(listener.accept(), 1, Cut::Waiting).await.is_none(), "nobody has connected");
    let mut waiting = Vec::new();
    for _ in 0..h.effort(150, 30) {
        waiting.push(connect(&h, addr).await?);
    }
    drop(listener);
    for stream in waiting {
        assert_eq!(until_gone(&stream).await, 0);
    }
    // The descriptor is closed by then, and nobody listens.
    h.sleep_ms(100).await;
    assert!(h.engine().connect(addr, h.in_ms(1_000)).await.is_err(), "the listener is gone");
    Ok(Bytes::AllArrived)
}

async fn two_listeners_do_not_mix_their_clients<H: Harness>(h: H) -> Outcome {
    let (first, first_addr) = h.listen(Wish::USUAL)?;
    let (second, second_addr) = h.listen(Wish::USUAL)?;
    for _ in 0..5 {
        let (a, to_a) = pair(&h, &first, first_addr).await?;
        let (b, to_b) = pair(&h, &second, second_addr).await?;
        a.shutdown_write();
        to_b.shutdown_write();
        both(expect_end(&to_a), expect_end(&b)).await?;
    }
    Ok(Bytes::AllArrived)
}

/// A connection that is not accepted waits in the kernel's queue, and holds no descriptor of this process.
async fn no_more_are_accepted_than_there_is_room_for<H: Harness>(h: H) -> Outcome {
    const CLIENTS: usize = 9;
    let (listener, addr) = h.listen(Wish::USUAL)?;
    listener.set_room(0);
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(connect(&h, addr).await?);
    }
    let before = h.engine().counters().accepted;
    let accepted = || (h.engine().counters().accepted - before) as usize;
    let mut servers = Vec::new();
    for room in [0, 1, 2, 3, 3] {
        let already = servers.len();
        for left in (1..=room).rev() {
            listener.set_room(left);
            servers.push(accept::<H>(&listener).await?);
        }
        listener.set_room(0);
        h.sleep_ms(20).await;
        // An accept that was in flight when there was no more room may bring the next.
        assert!(accepted() <= already + room as usize + 1, "{} accepted, room for {room}", accepted());
    }
    assert_eq!((servers.len(), accepted()), (CLIENTS, CLIENTS));
    Ok(Bytes::Uneven)
}
