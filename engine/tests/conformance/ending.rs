//! An engine that ends in the middle of everything: what it had in flight is cancelled, what it held comes home.

use std::rc::Rc;

use ringway_engine::{Engine, Listener, Mode, Out, Stream};

use crate::books::Bytes;
use crate::harness::{Harness, Outcome, Spec, Wish};
use crate::pattern::Pattern;
use crate::talk::{connect, piece};

scenarios! {
    an_engine_ends_in_the_middle_of_traffic with Spec { rounds: 60, seeds: 60, abrupt: true, ..Spec::default() };
    an_engine_ends_with_everything_waiting with Spec { rounds: 5, abrupt: true, ..Spec::default() };
    an_engine_that_did_nothing_ends with Spec { rounds: 20, ..Spec::default() };
}

async fn an_engine_that_did_nothing_ends<H: Harness>(_h: H) -> Outcome {
    Ok(Bytes::AllArrived)
}

async fn an_engine_ends_in_the_middle_of_traffic<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::NARROW)?;
    let own = h.clone();
    h.engine().spawn(async move {
        let mut number = 0;
        while let Ok(Some((stream, _))) = listener.accept().await {
            number += 1;
            stream.set_mode(if number % 2 == 0 { Mode::Head } else { Mode::Body });
            own.engine().spawn(async move {
                while let Ok(Some(chunk)) = stream.recv().await {
                    if stream.send(Out::Chunk(chunk)).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    for id in 0..20 {
        let own = h.clone();
        h.engine().spawn(async move {
            let Ok(stream) = connect(&own, addr).await else { return };
            let stream = Rc::new(stream);
            let reader = Rc::clone(&stream);
            let reading = own.clone();
            own.engine().spawn(async move {
                let mut back = Pattern::new(id);
                while let Ok(Some(chunk)) = reader.recv().await {
                    back.read(&chunk);
                    if reading.below(50) == 0 {
                        reading.sleep_ms(1).await;
                    }
                }
            });
            let mut out = Pattern::new(id);
            loop {
                let n = 1 + own.below(100_000);
                if stream.send(piece(&own, &mut out, n)).await.is_err() {
                    return;
                }
            }
        });
    }
    h.sleep_ms(h.below(15) as u64).await;
    Ok(Bytes::Uneven)
}

async fn an_engine_ends_with_everything_waiting<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::NARROW)?;
    let hole = h.black_hole();
    for id in 0..10 {
        let own = h.clone();
        h.engine().spawn(async move {
            let Ok(stream) = connect(&own, addr).await else { return };
            stream.post(piece(&own, &mut Pattern::new(id), 8 << 20));
            let _ = stream.recv().await;
        });
        let own = h.clone();
        h.engine().spawn(async move {
            drop(own.engine().connect(hole, own.in_ms(60_000)).await);
        });
        let own = h.clone();
        h.engine().spawn(async move { own.sleep_ms(60_000).await });
    }
    let (idle, _) = h.listen(Wish::USUAL)?;
    h.engine().spawn(async move { drop(idle.accept().await) });
    // Half of the clients are taken; the others stay in the queue or with the listener.
    let mut taken = Vec::new();
    for _ in 0..5 {
        taken.extend(listener.accept().await?);
    }
    h.sleep_ms(3).await;
    h.engine().spawn(async move {
        let _held = (taken, listener);
        std::future::pending::<()>().await;
    });
    h.engine().yield_now().await;
    Ok(Bytes::Uneven)
}
