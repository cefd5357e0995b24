//! Waiting at a limit: of a cluster, and of a source.

use super::*;

const WAIT: Duration = Duration::from_secs(3);
const CLOSING: &[u8] = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nOK";

/// One request at a time, and one that waits.
pub(super) fn of_cluster(config: &mut Config) {
    let cluster = &mut config.clusters[0];
    cluster.backends.truncate(1);
    (cluster.max_in_flight, cluster.queue_timeout, cluster.queue_max) = (Some(1), WAIT, 1);
}

pub(super) fn of_cluster_at_once(config: &mut Config) {
    of_cluster(config);
    config.clusters[0].queue_timeout = Duration::ZERO;
}

pub(super) fn of_source(config: &mut Config) {
    config.clusters[0].backends.truncate(1);
    let daemon = &mut config.daemon;
    daemon.max_in_flight_per_source = Some(1);
    (daemon.source_queue_timeout, daemon.source_queue_max) = (WAIT, 1);
}

pub(super) fn of_source_at_once(config: &mut Config) {
    of_source(config);
    config.daemon.source_queue_timeout = Duration::ZERO;
}

/// A client that has just asked.
async fn another(site: &Site) -> Wire {
    let client = site.client().await;
    assert!(site.send(&client, GET).await);
    client
}

async fn refused(client: &mut Wire) {
    let head = own_answer(client, 503).await;
    assert_eq!(head.field("retry-after"), Some("1"), "{head:?}");
}

pub(super) async fn too_long(site: Site) {
    let (mut first, mut origin) = asked(&site, GET).await;
    let since = site.now();
    let mut second = another(&site).await;
    refused(&mut second).await;
    site.fired("queue", since, WAIT);
    // The one that holds the place is none the worse for it, and the other may ask again.
    assert!(site.send(&origin, OK).await);
    take_ok(&mut first).await;
    site.sleep(TURN).await;
    assert!(site.send(&second, GET).await);
    serve(&site, &mut origin).await;
    take_ok(&mut second).await;
    let counters = site.snapshot().await.counters;
    assert_eq!((counters.queued, counters.queue_refused + counters.source_refused), (1, 1), "{counters:?}");
}

pub(super) async fn in_time(site: Site) {
    let listener = site.listen(0);
    let mut first = another(&site).await;
    let mut origin = site.accept(&listener).await;
    head(&mut origin).await;
    let mut second = another(&site).await;
    site.sleep(WAIT - SECOND).await;
    assert!(site.send(&origin, CLOSING).await);
    drop(origin);
    take_ok(&mut first).await;
    let since = site.now();
    let mut origin = site.accept(&listener).await;
    assert!(site.now().since(since) < TURN, "let through late: {:?}", site.now().since(since));
    // It has waited, and now has all the time of a request.
    head(&mut origin).await;
    site.sleep(timeouts().response - SECOND).await;
    assert!(site.send(&origin, OK).await);
    take_ok(&mut second).await;
}

pub(super) async fn full(site: Site) {
    let (mut first, origin) = asked(&site, GET).await;
    let since = site.now();
    let mut second = another(&site).await;
    site.sleep(SECOND).await;
    refuses_another(&site).await;
    refused(&mut second).await;
    site.fired("queue", since, WAIT);
    assert!(site.send(&origin, OK).await);
    take_ok(&mut first).await;
}

/// One more is not let in, and hears of it now.
async fn refuses_another(site: &Site) {
    let before = site.now();
    let mut another = another(site).await;
    refused(&mut another).await;
    assert!(site.now().since(before) < TURN, "answered late: {:?}", site.now().since(before));
}

pub(super) async fn at_once(site: Site) {
    let (mut first, origin) = asked(&site, GET).await;
    refuses_another(&site).await;
    assert!(site.send(&origin, OK).await);
    take_ok(&mut first).await;
    assert_eq!(site.snapshot().await.counters.queued, 0);
}
