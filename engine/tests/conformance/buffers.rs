//! Few buffers: everyone makes progress however small the groups are, and they grow only as far as they may.

use std::rc::Rc;
use std::time::Duration;

use ringway_engine::uring::{GroupSettings, Settings};
use ringway_engine::{Engine, Mode, Stream};

use crate::books::Bytes;
use crate::harness::{Harness, ListenerOf, Outcome, Spec, Wish};
use crate::pattern::Pattern;
use crate::talk::{accept, client, echo, pair, piece};
use crate::tasks::{all, start, within};

scenarios! {
    four_buffers_serve_sixty_four_connections with four_buffers(2_048);
    four_buffers_serve_sixty_four_bodies with four_buffers(2_048);
    four_large_buffers_serve_bodies_through_narrow_sockets with four_buffers(64 * 1024);
    one_buffer_serves_everyone with one_buffer();
    a_group_grows_while_its_buffers_are_held with growing();
    a_stream_that_is_closed_while_it_waits_for_a_buffer_is_gone with four_buffers(1_024);
}

fn all_groups(group: GroupSettings) -> Spec {
    let settings = Settings { accepted: group, connected: group, bulk: group, ..Settings::default() };
    Spec { settings, ..Spec::default() }
}

fn four_buffers(buffer_bytes: u32) -> Spec {
    all_groups(GroupSettings { buffer_bytes, initial: 4, max: 4 })
}

fn one_buffer() -> Spec {
    all_groups(GroupSettings { buffer_bytes: 4_096, initial: 1, max: 1 })
}

fn growing() -> Spec {
    all_groups(GroupSettings { buffer_bytes: 512, initial: 2, max: 64 })
}

/// `count` clients exchange `bytes` each with an echo, all at the same time.
async fn crowd<H: Harness>(h: &H, wish: Wish, count: usize, bytes: usize, mode: Mode) -> Outcome {
    let (listener, addr) = h.listen(wish)?;
    let server = start(h, serve(h.clone(), Rc::new(listener), count, mode));
    let clients = (0..count).map(|id| start(h, client(h.clone(), addr, id, bytes, mode))).collect();
    all(clients).await?;
    server.await?;
    Ok(Bytes::AllArrived)
}

async fn serve<H: Harness>(
    h: H,
    listener: Rc<ListenerOf<H>>,
    count: usize,
    mode: Mode,
) -> std::io::Result<()> {
    let mut served = Vec::new();
    for _ in 0..count {
        let stream = accept::<H>(&listener).await?;
        served.push(start(&h, echo(stream, mode)));
    }
    all(served).await?;
    Ok(())
}

async fn four_buffers_serve_sixty_four_connections<H: Harness>(h: H) -> Outcome {
    crowd(&h, Wish::USUAL, 64, h.effort(50_000, 5_000), Mode::Head).await
}

async fn four_buffers_serve_sixty_four_bodies<H: Harness>(h: H) -> Outcome {
    crowd(&h, Wish::USUAL, 64, h.effort(50_000, 5_000), Mode::Body).await
}

async fn four_large_buffers_serve_bodies_through_narrow_sockets<H: Harness>(h: H) -> Outcome {
    crowd(&h, Wish::NARROW, 16, h.effort(400_000, 60_000), Mode::Body).await
}

async fn one_buffer_serves_everyone<H: Harness>(h: H) -> Outcome {
    crowd(&h, Wish::NARROW, 8, h.effort(50_000, 10_000), Mode::Head).await?;
    crowd(&h, Wish::NARROW, 8, h.effort(50_000, 10_000), Mode::Body).await
}

async fn a_group_grows_while_its_buffers_are_held<H: Harness>(h: H) -> Outcome {
    const HELD: usize = 40;
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    let mut out = Pattern::new(1);
    let mut held = Vec::new();
    while held.len() < HELD {
        client.send(piece(&h, &mut out, 10)).await?;
        held.extend(server.recv().await?);
    }
    assert!(h.engine().counters().chunks_out >= HELD as u64);
    assert!(h.engine().counters().buffer_growths > 0, "two buffers are not enough for {HELD} chunks");
    let mut back = Pattern::new(1);
    for chunk in held {
        back.read(&chunk);
    }
    Ok(Bytes::Uneven)
}

async fn a_stream_that_is_closed_while_it_waits_for_a_buffer_is_gone<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    // Four chunks held: the group of the accepted side is empty.
    let (holder, filling) = pair(&h, &listener, addr).await?;
    let mut out = Pattern::new(1);
    let mut held = Vec::new();
    while held.len() < 4 {
        filling.send(piece(&h, &mut out, 10)).await?;
        held.extend(holder.recv().await?);
    }
    let mut waiting = Vec::new();
    for id in 0..10 {
        let (server, client) = pair(&h, &listener, addr).await?;
        client.send(piece(&h, &mut Pattern::new(id), 10)).await?;
        waiting.push((start(&h, async move { server.recv().await.map(|_| ()) }), client));
    }
    h.sleep_ms(5).await;
    // Half of them go while they wait; the others get their bytes when the buffers come home.
    for (server, client) in waiting.drain(..5) {
        drop(server);
        client.close().await;
    }
    drop(held);
    let begin = h.now();
    for (server, _client) in waiting {
        within(&h, Duration::from_secs(10), server).await.expect("buffers are home")?;
    }
    // Nothing else needs to happen for the others to get them.
    let took = h.now().since(begin);
    assert!(
        took < Duration::from_secs(1),
        "buffers came home, and who waited for them did so for {took:?} more"
    );
    Ok(Bytes::Uneven)
}
