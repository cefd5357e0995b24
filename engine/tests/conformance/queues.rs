//! The smallest queues: completions that run over are late, never lost.

use std::rc::Rc;

use ringway_engine::uring::Settings;
use ringway_engine::{Engine, Mode};

use crate::books::Bytes;
use crate::harness::{Harness, Outcome, Spec, Wish};
use crate::talk::{accept, client, echo};
use crate::tasks::{all, start};

scenarios! {
    a_completion_queue_of_eight_serves_everyone with small(8, 8);
    a_submission_queue_of_one_serves_everyone with small(1, 8192);
    thousands_of_timers_and_connections_share_one_turn;
}

fn small(sq_entries: u32, cq_entries: u32) -> Spec {
    let settings = Settings { sq_entries, cq_entries, ..Settings::default() };
    Spec { settings, ..Spec::default() }
}

async fn crowd<H: Harness>(h: &H, count: usize, bytes: usize) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let listener = Rc::new(listener);
    for mode in [Mode::Head, Mode::Body] {
        let clients = (0..count).map(|id| start(h, client(h.clone(), addr, id, bytes, mode))).collect();
        let (own, listener) = (h.clone(), Rc::clone(&listener));
        let server = start(h, async move {
            let mut served = Vec::new();
            for _ in 0..count {
                let stream = accept::<H>(&listener).await?;
                served.push(start(&own, echo(stream, mode)));
            }
            all(served).await
        });
        all(clients).await?;
        server.await?;
    }
    Ok(Bytes::AllArrived)
}

async fn a_completion_queue_of_eight_serves_everyone<H: Harness>(h: H) -> Outcome {
    crowd(&h, h.effort(200, 40), h.effort(20_000, 3_000)).await?;
    let counters = h.engine().counters();
    assert!(counters.completions > 8, "{counters:?}");
    Ok(Bytes::AllArrived)
}

async fn a_submission_queue_of_one_serves_everyone<H: Harness>(h: H) -> Outcome {
    crowd(&h, h.effort(100, 20), 3_000).await
}

async fn thousands_of_timers_and_connections_share_one_turn<H: Harness>(h: H) -> Outcome {
    // Everything is due at the same moment.
    let at = h.in_ms(20);
    let sleepers = (0..h.effort(5_000, 500))
        .map(|_| {
            let own = h.clone();
            start(&h, async move {
                own.engine().sleep_until(at).await;
                assert!(own.now() >= at, "early");
                std::io::Result::Ok(())
            })
        })
        .collect::<Vec<_>>();
    crowd(&h, h.effort(100, 20), 1_000).await?;
    for sleeper in sleepers {
        sleeper.await?;
    }
    Ok(Bytes::AllArrived)
}
