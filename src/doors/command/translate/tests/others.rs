//! Requests that change nothing, or what is not the configuration.

use std::path::PathBuf;

use ringway_core::verb::{ShardInfo, Status as ProcessStatus};

use super::*;

#[test]
fn each_request_is_its_verb() {
    let file = || Some(PathBuf::from("/f"));
    for (request, verb) in [
        (RequestType::SaveState("/f".to_owned()), Verb::StateSave { file: file() }),
        (RequestType::SaveState(String::new()), Verb::StateSave { file: None }),
        (RequestType::LoadState("/f".to_owned()), Verb::StateLoad { file: file(), dry_run: false }),
        (RequestType::ReloadConfiguration("/f".to_owned()), Verb::Reload { file: file(), dry_run: false }),
        (RequestType::ReloadConfiguration(String::new()), Verb::Reload { file: None, dry_run: false }),
        (RequestType::SoftStop(SoftStop {}), Verb::Stop { hard: false }),
        (RequestType::HardStop(HardStop {}), Verb::Stop { hard: true }),
        (RequestType::Logging("debug".to_owned()), Verb::LogLevel { level: LogLevel::Debug }),
        (RequestType::Logging("WARN".to_owned()), Verb::LogLevel { level: LogLevel::Warn }),
    ] {
        let (result, verbs) = ask(request);
        assert_eq!(result.expect("it is done").message, "done; generation 7");
        assert_eq!(verbs, [verb]);
    }
}

#[test]
fn a_filter_that_is_no_level_is_refused_by_its_text() {
    for filter in ["", "info,ringway=trace", "loud"] {
        let refusal = refusal(RequestType::Logging(filter.to_owned()));
        assert_eq!(refusal.field.as_deref(), Some("logging"));
        assert!(refusal.message.contains(&format!("{filter:?}")), "{refusal}");
    }
}

#[test]
fn what_this_build_does_not_have_is_told_by_the_coordinator() {
    for (request, feature) in [
        (RequestType::AddHttpsListener(Box::default()), "https"),
        (RequestType::AddHttpsFrontend(Box::default()), "https"),
        (RequestType::QueryCertificatesFromWorkers(QueryCertificatesFilters::default()), "certificates"),
        (RequestType::AddUdpListener(UdpListenerConfig::default()), "udp"),
        (RequestType::QueryMetrics(QueryMetricsOptions::default()), "metrics"),
        (RequestType::UpgradeMain(UpgradeMain {}), "upgrade"),
        (RequestType::UpgradeWorker(1), "upgrade"),
        (RequestType::LaunchWorker(String::new()), "launch_worker"),
        (RequestType::ReturnListenSockets(ReturnListenSockets {}), "return_listen_sockets"),
        (RequestType::CloseSessions(CloseSessions::default()), "close_sessions"),
        (RequestType::SetMaxConnectionsPerSubnet(1), "max_connections_per_subnet"),
        (RequestType::SetMaxConnectionAttempts(1), "max_connection_attempts of the process"),
        (RequestType::AddHttpFrontendWithSilentClose(Box::default()), "silent close"),
        (RequestType::SetProtectedHealthCheck(SetProtectedHealthCheck::default()), "protected health checks"),
    ] {
        let (result, verbs) = ask(request);
        assert_eq!(verbs, [Verb::Unavailable { feature: feature.to_owned() }]);
        let refusal = result.expect_err("it is refused");
        assert_eq!(refusal.code, ErrorCode::NotInThisBuild);
        assert!(refusal.message.contains(feature), "{refusal}");
    }
}

#[test]
fn the_limit_of_connections_is_the_processs() {
    for (limit, expected) in [(5, json!(5)), (0, Value::Null)] {
        assert_eq!(
            changes(RequestType::SetMaxConnectionsPerIp(limit)),
            json!([{ "change": "daemon_update", "set": { "max_connections_per_source": expected } }])
        );
    }
    run(async {
        for (set, expected) in [(json!({ "max_connections_per_source": 5 }), 5), (json!({}), 0)] {
            let changes = vec![Change::DaemonUpdate { set: keys(set, json!({})) }];
            let desk = Desk::new(move |_| Ok(Answer::Configuration { changes: changes.clone() }));
            let request = RequestType::QueryMaxConnectionsPerIp(QueryMaxConnectionsPerIp {});
            let reply = answer(request, &desk.hub, &actor()).await.expect("a limit");
            let content = ContentType::MaxConnectionsPerIpLimit(MaxConnectionsPerIpLimit { limit: expected });
            assert_eq!(reply.content, Some(content));
        }
    });
}

#[test]
fn shards_are_workers_of_one_process() {
    let shard = |number: u16, state: &str| ShardInfo {
        shard: number,
        state: state.to_owned(),
        core: 0,
        uptime_s: 0,
        restarts: 0,
        connections: 0,
        requests: 0,
        pooled: 0,
        turn_max_us: 0,
        state_hash: 0,
    };
    let states = ["running", "draining", "restarting", "not answering"];
    let status = ProcessStatus {
        version: "1".to_owned(),
        pid: 42,
        uptime_s: 0,
        generation: 3,
        state_hash: 0,
        draining: false,
        shards: (0..).zip(states).map(|(number, state)| shard(number, state)).collect(),
        listeners: vec![],
        clusters: 0,
        clusters_down: vec![],
    };
    let reply = list::reply(Answer::Status(Box::new(status))).expect("workers");
    let expected = [RunState::Running, RunState::Stopping, RunState::Stopped, RunState::NotAnswering];
    let workers = (0..).zip(expected).map(|(id, state)| WorkerInfo { id, pid: 42, run_state: state.into() });
    assert_eq!(reply.content, Some(ContentType::Workers(WorkerInfos { vec: workers.collect() })));
}

#[test]
fn counts_and_hashes_are_maps() {
    let counts = [("backend_add".to_owned(), 2), ("cluster_add".to_owned(), u64::MAX)];
    let reply = list::reply(Answer::Counts(counts.into_iter().collect())).expect("counts");
    let map = [("backend_add".to_owned(), 2), ("cluster_add".to_owned(), i32::MAX)].into_iter().collect();
    assert_eq!(reply.content, Some(ContentType::RequestCounts(RequestCounts { map })));
    let clusters = [("api".to_owned(), u64::MAX)];
    let hashes = Answer::Hashes {
        state: 1,
        shards: [("shard-0".to_owned(), 1)].into_iter().collect(),
        clusters: clusters.clone().into_iter().collect(),
    };
    let Some(ContentType::WorkerResponses(responses)) = list::reply(hashes).expect("hashes").content else {
        panic!("no responses of workers");
    };
    let content = ContentType::ClusterHashes(ClusterHashes { map: clusters.into_iter().collect() });
    assert_eq!(responses.map["main"].content_type, Some(content));
}

#[test]
fn shards_that_are_late_are_named() {
    run(async {
        let desk = Desk::new(|_| {
            let late = vec!["shard-3".to_owned()];
            Ok(Answer::Changed { generation: 8, dry_run: false, changes: vec![], count: 1, late })
        });
        let reply = answer(RequestType::RemoveCluster("api".to_owned()), &desk.hub, &actor()).await;
        let message = reply.expect("applied").message;
        assert_eq!(message, "applied; generation 8; not yet confirmed by shard-3");
    });
}
