//! The command socket: clients of the Sozu protocol drive the daemon, and no client harms it.

mod door;
mod hostile;

use std::fs;

use crate::common::control::wire::{
    AddBackend, AddCertificate, Ask, Balancing, CertificateAndKey, Cluster, HttpFrontend, HttpListener, Kind,
    Nothing, RemoveBackend, RemoveListener, SwitchListener, UdpListener,
};
use crate::common::control::{Controlled, Sozu, ask, free_address, is_refused, mode, origins, site};
use crate::common::{FaultyOrigin, LONG, Mood, eventually};

/// Numbers of the protocol.
const BACKEND_DOWN: i32 = 0;
const NO_AVAILABLE_BACKENDS: i32 = 2;
const EVENTS_SUBSCRIBED: i32 = 26;
const CLUSTER_RECOVERED: i32 = 29;

fn cluster(id: &str) -> Cluster {
    Cluster {
        cluster_id: id.to_owned(),
        sticky_session: false,
        https_redirect: false,
        load_balancing: Balancing::RoundRobin.into(),
        answers: std::collections::BTreeMap::new(),
    }
}

fn backend(cluster: &str, origin: &FaultyOrigin) -> AddBackend {
    AddBackend {
        cluster_id: cluster.to_owned(),
        backend_id: origin.name.clone(),
        address: origin.address.into(),
    }
}

/// What the main process says in an answer of several.
fn of_main(answer: Option<Kind>) -> Kind {
    let Some(Kind::Responses(mut responses)) = answer else { panic!("{answer:?}") };
    let main = responses.of.remove("main").unwrap_or_else(|| panic!("{responses:?}"));
    main.kind.expect("an answer of some kind")
}

/// The events up to the first of this kind, which is about this cluster.
fn events_up_to(sozu: &mut Sozu, kind: i32, cluster: &str) -> Vec<i32> {
    let mut kinds = Vec::new();
    loop {
        let event = sozu.event();
        kinds.push(event.kind);
        if event.kind == kind {
            assert_eq!(event.cluster_id.as_deref(), Some(cluster));
            return kinds;
        }
    }
}

#[test]
fn a_sozu_client_builds_a_site_sees_its_outage_and_its_recovery_and_saves_and_loads_it() {
    let standing = FaultyOrigin::new("standing");
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    // What is there already holds for its own listener only.
    let frontends = "[[clusters.site.frontends]]\n";
    let rest = site("", &[&standing]).replace(frontends, &format!("{frontends}listeners = [\"main\"]\n"));
    let daemon = Controlled::of("", &rest);
    let mut sozu = daemon.sozu();

    let Some(Kind::Workers(workers)) = sozu.done(Ask::ListWorkers(Nothing {})) else { panic!("no workers") };
    let ids: Vec<_> = workers.workers.iter().map(|worker| worker.id).collect();
    assert_eq!(ids, [0, 1]);
    assert!(
        workers.workers.iter().all(|worker| worker.pid == daemon.pid() as i32 && worker.run_state == 0),
        "{workers:?}"
    );

    let address = free_address();
    sozu.done(Ask::AddHttpListener(HttpListener::at(address)));
    assert!(is_refused(address), "it is not active yet");
    sozu.done(Ask::ActivateListener(SwitchListener { address: address.into(), proxy: 0, scm: false }));
    assert_eq!(ask(address, "app.test").status, 404, "it has no frontend yet");
    sozu.done(Ask::AddCluster(cluster("app")));
    sozu.done(Ask::AddHttpFrontend(HttpFrontend::of("app", address, "app.test")));
    assert_eq!(ask(address, "app.test").status, 503, "it has no backend yet");
    for origin in [&a, &b] {
        sozu.done(Ask::AddBackend(backend("app", origin)));
    }
    for _ in 0..20 {
        assert_eq!(ask(address, "app.test").status, 200);
    }
    assert!(a.requests() >= 5 && b.requests() >= 5, "{} and {}", a.requests(), b.requests());
    assert_eq!(ask(address, "other.test").status, 404);

    let Kind::Clusters(known) = of_main(sozu.done(Ask::QueryClusterById("app".to_owned()))) else {
        panic!("no clusters")
    };
    let [known] = &known.clusters[..] else { panic!("{known:?}") };
    assert_eq!(known.configuration.as_ref().map(|cluster| &*cluster.cluster_id), Some("app"));
    assert_eq!(known.http_frontends[0].hostname, "app.test");
    let at: Vec<_> = known.backends.iter().map(|backend| backend.address.socket()).collect();
    assert_eq!(at, [a.address, b.address]);
    let Some(Kind::Listeners(listeners)) = sozu.done(Ask::ListListeners(Nothing {})) else {
        panic!("no listeners")
    };
    let listener = listeners.http.values().find(|listener| listener.address.socket() == address);
    assert!(listener.is_some_and(|listener| listener.active), "{listeners:?}");

    // An outage, and its end.
    let mut told = daemon.sozu();
    told.subscribe();
    assert_eq!(told.event().kind, EVENTS_SUBSCRIBED, "from here on it is told");
    let before_outage = [&a, &b].map(FaultyOrigin::requests);
    [&a, &b].iter().for_each(|origin| origin.turn(Mood::Refusing));
    let down = std::thread::scope(|scope| {
        let asking = scope.spawn(|| events_up_to(&mut told, NO_AVAILABLE_BACKENDS, "app"));
        eventually("nobody is available", LONG, || {
            assert_ne!(ask(address, "app.test").status, 200);
            asking.is_finished().then_some(())
        });
        asking.join().expect("events")
    });
    assert_eq!(down.iter().filter(|kind| **kind == BACKEND_DOWN).count(), 2, "{down:?}");
    assert_eq!(down.iter().filter(|kind| **kind == CLUSTER_RECOVERED).count(), 0, "{down:?}");
    [&a, &b].iter().for_each(|origin| origin.turn(Mood::Well));
    let up = std::thread::scope(|scope| {
        let asking = scope.spawn(|| events_up_to(&mut told, CLUSTER_RECOVERED, "app"));
        eventually("somebody is available", LONG, || {
            let _ = ask(address, "app.test");
            asking.is_finished().then_some(())
        });
        asking.join().expect("events")
    });
    assert_eq!(up.iter().filter(|kind| **kind == NO_AVAILABLE_BACKENDS).count(), 0, "{up:?}");

    // What was built can be kept, taken down, and brought back.
    let file = daemon.folder().file("sozu.state");
    let path = file.display().to_string();
    sozu.done(Ask::SaveState(path.clone()));
    assert_eq!(mode(&file), 0o600);
    let before = daemon.hash(2);
    let Kind::Hashes(hashes) = of_main(sozu.done(Ask::QueryClustersHashes(Nothing {}))) else {
        panic!("no hashes")
    };
    assert!(hashes.of.contains_key("app") && hashes.of.contains_key("site"), "{hashes:?}");
    eventually("both serve again", LONG, || {
        let _ = ask(address, "app.test");
        let now = [&a, &b].map(FaultyOrigin::requests);
        now.iter().zip(before_outage).all(|(now, before)| *now > before).then_some(())
    });
    sozu.done(Ask::RemoveBackend(RemoveBackend {
        cluster_id: "app".to_owned(),
        backend_id: "a".to_owned(),
        address: a.address.into(),
    }));
    let requests = a.requests();
    for _ in 0..10 {
        let answer = ask(address, "app.test");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(a.requests(), requests, "it was removed");
    sozu.done(Ask::RemoveHttpFrontend(HttpFrontend::of("app", address, "app.test")));
    assert_eq!(ask(address, "app.test").status, 404);
    sozu.done(Ask::RemoveCluster("app".to_owned()));
    sozu.done(Ask::DeactivateListener(SwitchListener { address: address.into(), proxy: 0, scm: false }));
    sozu.done(Ask::RemoveListener(RemoveListener { address: address.into(), proxy: 0 }));
    assert!(is_refused(address));
    assert_ne!(daemon.hash(2), before);
    sozu.done(Ask::LoadState(path));
    assert_eq!(daemon.hash(2), before);
    assert_eq!(ask(address, "app.test").status, 200);
    assert_eq!(origins(daemon.address(), 4), ["standing"; 4], "nobody else noticed");
    drop(fs::remove_file(file));
}

#[test]
fn a_sozu_client_reloads_sets_the_log_level_counts_and_stops() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let mut daemon = Controlled::before(&[&a]);
    let mut sozu = daemon.sozu();
    assert_eq!(origins(daemon.address(), 4), ["a"; 4]);
    daemon.folder().configure("", &site("", &[&b]));
    sozu.done(Ask::ReloadConfiguration(daemon.folder().config().display().to_string()));
    assert_eq!(origins(daemon.address(), 4), ["b"; 4]);
    sozu.done(Ask::Logging("debug".to_owned()));
    let level = |change: &serde_json::Value| change["set"]["log_level"] == "debug";
    assert!(daemon.configuration().iter().any(level), "{:?}", daemon.configuration());
    sozu.done(Ask::AddCluster(cluster("more")));
    assert!(matches!(sozu.done(Ask::CountRequests(Nothing {})), Some(Kind::Counts(_))));
    sozu.done(Ask::Status(Nothing {}));
    sozu.done(Ask::SoftStop(Nothing {}));
    assert_eq!(daemon.wait(LONG).code(), Some(0));
}

#[test]
fn what_ringway_does_not_do_is_refused_with_a_reason_and_changes_nothing() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let before = daemon.hash(2);
    let mut sozu = daemon.sozu();
    let address = free_address();
    let udp = UdpListener {
        address: address.into(),
        front_timeout: 30,
        back_timeout: 30,
        max_rx_datagram_size: 1500,
        max_flows: 100,
        active: true,
    };
    sozu.refused(Ask::AddUdpListener(udp));
    let certificate = CertificateAndKey { certificate: "x".to_owned(), key: "secret-of-the-test".to_owned() };
    let reason = sozu.refused(Ask::AddCertificate(AddCertificate { address: address.into(), certificate }));
    assert!(reason.contains("not in this build"), "{reason}");
    let reason = sozu.refused(Ask::UpgradeMain(Nothing {}));
    assert!(reason.contains("not in this build"), "{reason}");
    let nobody = backend("nobody", &origin);
    let reason = sozu.refused(Ask::AddBackend(nobody));
    assert!(reason.contains("nobody"), "{reason}");
    let frontend = HttpFrontend::of("nobody", daemon.address(), "nobody.test");
    let reason = sozu.refused(Ask::AddHttpFrontend(frontend));
    assert!(reason.contains("nobody"), "{reason}");
    let reason = sozu.refused(Ask::LoadState("/nowhere/at/all".to_owned()));
    assert!(reason.contains("/nowhere/at/all"), "{reason}");
    assert_eq!(daemon.hash(2), before);
    assert!(!daemon.log().contains("secret-of-the-test"), "secrets do not reach the log");
    // The connection is still good.
    sozu.done(Ask::ListWorkers(Nothing {}));
}
