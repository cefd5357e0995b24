//! Idle connections: thousands of them, no buffer held, and each still works.

use ringway_engine::{Engine, Mode, Out, Stream};

use crate::books::Bytes;
use crate::harness::{Harness, Outcome, Spec, Wish};
use crate::talk::{ask_echo, pair};
use crate::tasks::start;

scenarios! {
    idle_connections_hold_no_buffer_and_still_answer with Spec { seeds: 8, ..Spec::default() };
}

async fn idle_connections_hold_no_buffer_and_still_answer<H: Harness>(h: H) -> Outcome {
    let count = h.effort(connections_max(), 200);
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let mut clients = Vec::new();
    let mut servers = Vec::new();
    for id in 0..count {
        let (server, client) = pair(&h, &listener, addr).await?;
        servers.push(start(&h, async move {
            let mut bytes = 0;
            loop {
                server.set_mode(Mode::Idle);
                let Some(chunk) = server.recv().await? else { break };
                bytes += chunk.len();
                server.send(Out::Chunk(chunk)).await?;
            }
            server.close().await;
            std::io::Result::Ok(bytes)
        }));
        client.set_mode(Mode::Idle);
        if id % 5 == 0 {
            // Each fifth has been used before it went idle.
            ask_echo(&h, &client, id, 500, 500).await?;
        }
        clients.push(client);
    }
    h.sleep_ms(50).await;
    let counters = h.engine().counters();
    assert!(counters.streams == 2 * count as u64 || h.fragile(), "{counters:?}");
    assert_eq!(counters.chunks_out, 0, "{counters:?}");
    let before = h.engine().counters().turns;
    h.sleep_ms(200).await;
    let turns = h.engine().counters().turns - before;
    assert!(turns < 20 || !h.calm(), "{turns} turns of the loop in 200 ms of idleness");
    for _ in 0..h.effort(200, 20) {
        let id = h.below(count);
        ask_echo(&h, &clients[id], id, 3_000, 1_000).await?;
    }
    h.sleep_ms(60).await;
    assert_eq!(h.engine().counters().chunks_out, 0);
    for client in clients {
        client.close().await;
    }
    for server in servers {
        server.await?;
    }
    Ok(Bytes::AllArrived)
}

/// 4,000, or what the limit on descriptors has room for: each connection has both its ends here.
fn connections_max() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = files.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or(1_024);
    4_000.min(soft.saturating_sub(200) / 2)
}
