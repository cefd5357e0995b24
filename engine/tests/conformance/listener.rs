//! Stopping a listener and handing its socket over: no client is lost on the way.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use ringway_engine::{Engine, Listener, Mode, Stream};

use crate::books::Bytes;
use crate::harness::{Harness, ListenerOf, Outcome, Spec, Visits, Wish};
use crate::talk::{accept, client, connect, echo, expect_end, part};
use crate::tasks::{Child, all, both, start};

scenarios! {
    a_stopped_listener_hands_back_its_socket_and_loses_nobody with Spec { rounds: 5, seeds: 60, ..Spec::default() };
    clients_outside_survive_many_hand_overs with Spec { outside: true, ..Spec::default() };
    a_stopped_listener_says_none_again_and_again;
    stopping_wakes_who_waits_for_a_client;
    a_listener_that_never_accepted_hands_its_queue_over;
    what_was_accepted_and_not_taken_is_closed_with_the_hand_over;
}

type Served = Vec<Child<io::Result<usize>>>;

/// Has one client come and go.
async fn one_client<H: Harness>(h: &H, listener: &ListenerOf<H>, addr: SocketAddr) -> io::Result<()> {
    let serving = async { echo(accept::<H>(listener).await?, Mode::Head).await };
    both(client(h.clone(), addr, 1, 100, Mode::Head), serving).await?;
    Ok(())
}

/// Takes what the listener has already accepted, until it says that there is no more.
async fn take_rest<H: Harness>(h: &H, listener: &ListenerOf<H>, served: &mut Served) -> io::Result<()> {
    while let Some((stream, _)) = listener.accept().await? {
        served.push(start(h, echo(stream, Mode::Head)));
    }
    Ok(())
}

async fn a_stopped_listener_hands_back_its_socket_and_loses_nobody<H: Harness>(h: H) -> Outcome {
    let count = h.effort(100, 30);
    let (mut socket, addr) = h.listening(Wish::USUAL);
    let clients = (0..count)
        .map(|id| {
            let own = h.clone();
            start(&h, async move {
                own.sleep_ms(own.below(20) as u64).await;
                client(own, addr, id, 300, Mode::Head).await
            })
        })
        .collect();
    let serving = async {
        let mut served = Served::new();
        while served.len() < count {
            let listener = h.engine().adopt_listener(socket)?;
            // Some are served, and in the middle of the others' coming it stops.
            let quota = (served.len() + 1 + h.below(count / 3)).min(count);
            while served.len() < quota {
                let (stream, _) = listener.accept().await?.expect("nobody has stopped this listener yet");
                served.push(start(&h, echo(stream, Mode::Head)));
            }
            listener.stop();
            if h.below(2) == 0 {
                h.sleep_ms(h.below(4) as u64).await;
            }
            take_rest(&h, &listener, &mut served).await?;
            socket = listener.into_socket().await;
            if h.below(2) == 0 {
                h.sleep_ms(h.below(4) as u64).await;
            }
        }
        assert_eq!(served.len(), count, "as many were served as came");
        all(served).await
    };
    both(all(clients), serving).await?;
    Ok(Bytes::AllArrived)
}

async fn clients_outside_survive_many_hand_overs<H: Harness>(h: H) -> Outcome {
    let count = h.effort(600, 30);
    let (mut socket, addr) = h.listening(Wish::USUAL);
    let visits = h.visit(addr, count);
    let own = h.clone();
    let server = start(&h, async move {
        let mut served = Served::new();
        while served.len() < count {
            let listener = Rc::new(own.engine().adopt_listener(socket)?);
            let quota = (served.len() + 1 + own.below(20)).min(count);
            while served.len() < quota {
                let (stream, _) = listener.accept().await?.expect("nobody has stopped this listener yet");
                served.push(start(&own, echo(stream, Mode::Head)));
            }
            listener.stop();
            take_rest(&own, &listener, &mut served).await?;
            let listener = Rc::into_inner(listener).expect("nobody else has it");
            socket = listener.into_socket().await;
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

async fn a_stopped_listener_says_none_again_and_again<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    one_client(&h, &listener, addr).await?;
    listener.stop();
    listener.stop();
    for _ in 0..3 {
        assert!(listener.accept().await?.is_none(), "it has stopped");
    }
    // Dropped after it was stopped: closed like any other.
    drop(listener);
    h.sleep_ms(20).await;
    Ok(Bytes::AllArrived)
}

async fn stopping_wakes_who_waits_for_a_client<H: Harness>(h: H) -> Outcome {
    let (listener, _) = h.listen(Wish::USUAL)?;
    let listener = Rc::new(listener);
    let own = Rc::clone(&listener);
    let waiting = start(&h, async move { own.accept().await.map(|accepted| accepted.is_none()) });
    h.sleep_ms(2).await;
    listener.stop();
    assert!(waiting.await?, "nobody has connected");
    Ok(Bytes::AllArrived)
}

async fn a_listener_that_never_accepted_hands_its_queue_over<H: Harness>(h: H) -> Outcome {
    const COUNT: usize = 20;
    let (socket, addr) = h.listening(Wish::USUAL);
    let first = h.engine().adopt_listener(socket)?;
    let mut streams = Vec::new();
    for _ in 0..COUNT {
        streams.push(connect(&h, addr).await?);
    }
    let second = h.engine().adopt_listener(first.into_socket().await)?;
    let mut served = Served::new();
    for _ in 0..COUNT {
        let (stream, _) = second.accept().await?.expect("nobody has stopped this listener");
        served.push(start(&h, echo(stream, Mode::Head)));
    }
    for stream in streams {
        part(stream).await?;
    }
    all(served).await?;
    Ok(Bytes::AllArrived)
}

async fn what_was_accepted_and_not_taken_is_closed_with_the_hand_over<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    one_client(&h, &listener, addr).await?;
    // The accept goes on, so these are taken in, and nobody asks for them.
    let mut streams = Vec::new();
    for _ in 0..5 {
        streams.push(connect(&h, addr).await?);
    }
    h.sleep_ms(20).await;
    let listener = h.engine().adopt_listener(listener.into_socket().await)?;
    listener.stop();
    while let Some((stream, _)) = listener.accept().await? {
        stream.close().await;
    }
    drop(listener);
    for stream in &streams {
        match expect_end(stream).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
            other => other?,
        }
    }
    Ok(Bytes::AllArrived)
}
