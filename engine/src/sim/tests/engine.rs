//! The whole engine on a simulated host.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use super::super::{Report, Sim, run, small_queues};
use super::*;
use crate::{Deadline, Engine, Listener, Out, Stream};

const CLIENTS: usize = 4;
/// Longer than anything that goes well takes.
const DEADLINE: Duration = Duration::from_secs(20);

async fn echo(stream: impl Stream) -> io::Result<()> {
    while let Some(chunk) = stream.recv().await? {
        stream.send(Out::Chunk(chunk)).await?;
    }
    stream.shutdown_write();
    stream.close().await;
    Ok(())
}

/// Sends a pattern in pieces and reads as much back: what came, and how it ended.
async fn client(engine: Sim, len: usize) -> (Vec<u8>, io::Result<()>) {
    let mut received = Vec::new();
    let result = talk(engine, &pattern(len), &mut received).await;
    (received, result)
}

async fn talk(engine: Sim, bytes: &[u8], received: &mut Vec<u8>) -> io::Result<()> {
    let stream = engine.connect(addr(80), engine.now() + DEADLINE).await?;
    stream.set_deadline(Deadline::Recv, engine.now() + DEADLINE);
    for piece in bytes.chunks(700) {
        let mut buffer = engine.buffer();
        buffer.vec().extend_from_slice(piece);
        stream.send(Out::Buffer(buffer)).await?;
        let until = received.len() + piece.len();
        while received.len() < until {
            let chunk = stream.recv().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            received.extend_from_slice(&chunk);
        }
    }
    stream.shutdown_write();
    let end = stream.recv().await?;
    assert!(end.is_none(), "more came back than was sent");
    Ok(())
}

/// How many clients got everything back.
fn echoes(settings: &SimSettings) -> (usize, Report) {
    let seed = settings.seed as usize;
    let main = move |engine: Sim, net: Net| async move {
        let listener = engine.adopt_listener(net.listen(addr(80))).expect("room for a listener");
        let accepting = engine.clone();
        engine.spawn(async move {
            while let Ok(Some((stream, _))) = listener.accept().await {
                accepting.spawn(async move {
                    // Whatever ends it early, the client sees it as well.
                    let _ = echo(stream).await;
                });
            }
        });
        let (done, whole) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        for number in 0..CLIENTS {
            let (engine, done, whole) = (engine.clone(), Rc::clone(&done), Rc::clone(&whole));
            let len = 1 + (seed * 37 + number * 911) % 4000;
            engine.clone().spawn(async move {
                let (received, result) = client(engine, len).await;
                assert!(pattern(len).starts_with(&received), "bytes are not what was sent");
                assert!(result.is_err() || received.len() == len);
                whole.set(whole.get() + usize::from(result.is_ok()));
                done.set(done.get() + 1);
            });
        }
        while done.get() < CLIENTS {
            engine.sleep_until(engine.now() + Duration::from_millis(1)).await;
        }
        whole.get()
    };
    run(settings, &small_queues(), main).expect("the sizes are good")
}

#[test]
fn everything_comes_back_from_a_well_behaved_kernel() {
    seeds(200, |seed| {
        let (whole, report) = echoes(&SimSettings::new(seed));
        assert_eq!(whole, CLIENTS);
        assert!(report.is_clean(), "{report:#?}");
        assert_eq!(report.ledger.lost, 0);
    });
}

#[test]
fn no_fault_leaves_anything_behind() {
    seeds(500, |seed| {
        let settings = SimSettings::faulty(seed);
        let (whole, report) = echoes(&settings);
        assert!(report.is_clean(), "{report:#?}");
        let excused = [Fault::Reset, Fault::NoDescriptors].map(|fault| report.injected.of(fault)) != [0, 0];
        assert!(whole == CLIENTS || excused, "{whole} of {CLIENTS} {report:#?}");
    });
}

#[test]
fn many_faults_at_once_leave_nothing_behind() {
    seeds(500, |seed| {
        let often = Faults::all(0.02 + (seed % 5) as f32 * 0.04);
        let faults = if seed % 2 == 0 { often.with(Fault::Reset, 0.0) } else { often };
        let (_, report) = echoes(&SimSettings { faults, cq_entries: 16, ..SimSettings::new(seed) });
        assert!(report.is_clean(), "{report:#?}");
    });
}

#[test]
fn a_run_of_the_engine_repeats() {
    seeds(20, |seed| {
        let settings = SimSettings::faulty(seed);
        assert_eq!(echoes(&settings), echoes(&settings));
    });
}
