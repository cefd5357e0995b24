//! Change upon change, drawn from a seed, on two shards under load: no request fails that they do not concern, and all shards
//! end with the configuration that the coordinator has.

use std::cell::Cell;

use rand::rngs::SmallRng;
use rand::{Rng, RngExt};
use ringway_engine::Engine;

use super::*;
use crate::rng;

/// Clusters and backends that come and go.
const NAMES: u32 = 4;

/// Some change of what no client asks for, and of what does not matter to those who ask. It may be refused.
fn draw(rng: &mut SmallRng) -> String {
    let (cluster, backend) = (rng.random_range(0..NAMES), rng.random_range(0..NAMES));
    let of = format!(r#""cluster":"c{cluster}""#);
    match rng.random_range(0..18) {
        0 | 1 => format!(r#"{{"change":"cluster_add",{of},"set":{{}}}}"#),
        2 => format!(r#"{{"change":"cluster_remove",{of}}}"#),
        3 => format!(r#"{{"change":"cluster_update",{of},"set":{{"retries":{backend}}}}}"#),
        4 | 5 => {
            let address = format!("127.0.0.1:90{}{backend}", rng.random_range(1..3));
            format!(
                r#"{{"change":"backend_add",{of},"backend":"b{backend}","set":{{"address":"{address}"}}}}"#
            )
        }
        6 => format!(r#"{{"change":"backend_remove",{of},"backend":"b{backend}"}}"#),
        7 => format!(
            r#"{{"change":"backend_update",{of},"backend":"b{backend}","set":{{"weight":{}}}}}"#,
            backend + 1
        ),
        8 => {
            format!(r#"{{"change":"backend_update",{of},"backend":"b{backend}","set":{{"state":"maint"}}}}"#)
        }
        9 => format!(r#"{{"change":"frontend_add",{of},"set":{{"hostname":"h{backend}.example"}}}}"#),
        10 => format!(r#"{{"change":"frontend_remove",{of},"set":{{"hostname":"h{backend}.example"}}}}"#),
        11 => format!(
            r#"{{"change":"frontend_add",{of},"set":{{"hostname":"e{backend}.example","host":"x.example"}}}}"#
        ),
        12 => format!(r#"{{"change":"frontend_remove",{of},"set":{{"hostname":"e{backend}.example"}}}}"#),
        13 => format!(
            r#"{{"change":"route_add","set":{{"hostname":"r{backend}.example","clusters":{{"c{cluster}":1}}}}}}"#
        ),
        14 => format!(r#"{{"change":"route_remove","set":{{"hostname":"r{backend}.example"}}}}"#),
        15 => format!(r#"{{"change":"health_check_set",{of},"set":{{"interval":"1s"}}}}"#),
        16 => format!(r#"{{"change":"health_check_remove",{of}}}"#),
        _ => {
            let weight = rng.random_range(1..9);
            let id = format!("127.0.0.1:900{}", rng.random_range(0..2));
            format!(
                r#"{{"change":"backend_update","cluster":"default","backend":"{id}","set":{{"weight":{weight}}}}}"#
            )
        }
    }
}

#[test]
fn requests_go_on_and_all_shards_agree_whatever_changes() {
    let accepted = Rc::new(Cell::new(0));
    let all = Rc::clone(&accepted);
    seeds::each("requests_go_on_and_all_shards_agree_whatever_changes", 12, move |seed| {
        let all = Rc::clone(&all);
        crate::site::site_among(seed, 2, plain, move |site| async move {
            let (_first, _second) = (start(&site, 0), start(&site, 1));
            let another = site.another();
            let running = Rc::new(Cell::new(true));
            let answered = Rc::new(Cell::new(0));
            let own = (site.clone(), Rc::clone(&running), Rc::clone(&answered));
            let task = async move {
                let (site, running, answered) = own;
                let mut client = site.client().await;
                while running.get() {
                    get(&site, &client).await;
                    take_ok(&mut client).await;
                    answered.set(answered.get() + 1);
                }
            };
            site.engine().spawn(task);
            let mut rng = rng(seed);
            for _ in 0..60 {
                let count = rng.random_range(1..4);
                let mut state = site.control().state();
                for _ in 0..count {
                    let text = draw(&mut rng);
                    let change =
                        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
                    let mutation = state.resolve(&change);
                    let applied = mutation.and_then(|mutation| state.apply(&mutation));
                    all.set(all.get() + usize::from(applied.is_ok()));
                }
                let next = site.control().compile(state);
                if rng.next_u32().is_multiple_of(5) {
                    site.prepare(&next).await.expect("it follows");
                    site.tell(ringway_shards::Command::Abort);
                } else {
                    site.carry_out(next, std::slice::from_ref(&another)).await;
                }
                assert_eq!(site.snapshot().await.state_hash, another.snapshot().await.state_hash);
                assert_eq!(site.snapshot().await.state_hash, site.control().hash());
                site.sleep(Duration::from_micros(rng.random_range(0..300))).await;
            }
            // One that starts now serves by the same.
            let late = site.another();
            assert_eq!(late.snapshot().await.state_hash, site.control().hash());
            running.set(false);
            site.sleep(Duration::from_millis(50)).await;
            assert!(answered.get() > 0, "somebody asked");
            assert!(late.drain(Duration::from_secs(1)).await.drained);
            assert!(another.drain(Duration::from_secs(1)).await.drained);
        });
    });
    assert!(accepted.get() > 100, "changes are carried out, and not only refused");
}
