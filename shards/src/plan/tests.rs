use ringway_core::Change;
use ringway_core::config::HealthCheck;
use ringway_core::state::Touched;

use super::*;

/// A state, and what the planner made of it.
struct Book {
    state: ConfigState,
    planner: Planner,
}

impl Book {
    fn new(changes: &[&str]) -> Book {
        let mut book = Book { state: ConfigState::new(), planner: Planner::new([0; 32]) };
        book.change(changes);
        book
    }

    fn apply(&self, changes: &[&str]) -> ConfigState {
        let mut state = self.state.clone();
        for text in changes {
            let change: Change = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let mutation = state.resolve(&change).unwrap_or_else(|error| panic!("{text}: {error}"));
            state.apply(&mutation).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
        state
    }

    fn stage(&self, to: &ConfigState) -> Staged {
        let touched = ConfigState::touched(&self.state, to);
        self.planner.stage(&touched, to, &|_| None, &Files::default()).expect("it can be served")
    }

    /// Carries these changes out; what the board is told.
    fn change(&mut self, changes: &[&str]) -> Vec<BoardChange> {
        let state = self.apply(changes);
        let staged = self.stage(&state);
        let told = staged.board().to_vec();
        self.planner.commit(staged);
        self.state = state;
        told
    }

    fn member(&self, cluster: &str, backend: &str) -> Member {
        let member =
            self.planner.member(&cluster.parse().expect("a name"), &backend.parse().expect("a name"));
        member.expect("it is there")
    }

    /// The members of each check.
    fn checks(&self) -> Vec<Vec<Member>> {
        let plan = self.planner.plan();
        plan.0
            .checks
            .iter()
            .map(|(_, check)| check.as_ref().expect("all are there").members.clone())
            .collect()
    }
}

fn cluster(id: &str) -> String {
    format!(r#"{{"change":"cluster_add","cluster":"{id}","set":{{}}}}"#)
}

fn backend(cluster: &str, id: &str, port: u16) -> String {
    format!(
        r#"{{"change":"backend_add","cluster":"{cluster}","backend":"{id}","set":{{"address":"10.0.0.1:{port}"}}}}"#
    )
}

const WEB: &str = r#"{"change":"listener_add","listener":"web","set":{"address":"127.0.0.1:80"}}"#;

#[test]
fn the_board_is_told_of_each_change_and_of_nothing_else() {
    let mut book = Book::new(&[WEB]);
    let told = book.change(&[&cluster("a"), &backend("a", "x", 1), &backend("a", "y", 2)]);
    let (x, y) = (book.member("a", "x"), book.member("a", "y"));
    assert!(
        matches!(&told[..], [
        BoardChange::SetCluster { slot: 0, .. },
        BoardChange::AddBackend { member: one, .. },
        BoardChange::AddBackend { member: two, .. },
    ] if (*one, *two) == (x, y)),
        "{told:?}"
    );
    let weight = r#"{"change":"backend_update","cluster":"a","backend":"x","set":{"weight":5}}"#;
    let told = book.change(&[weight]);
    assert!(matches!(&told[..], [BoardChange::UpdateBackend { member, .. }] if *member == x), "{told:?}");
    let told = book.change(&[r#"{"change":"cluster_update","cluster":"a","set":{"retries":7}}"#]);
    assert!(matches!(&told[..], [BoardChange::SetCluster { slot: 0, .. }]), "{told:?}");
    let told = book.change(&[r#"{"change":"frontend_add","cluster":"a","set":{}}"#]);
    assert_eq!(told, [], "rules are none of its business");
    let told = book.change(&[r#"{"change":"backend_remove","cluster":"a","backend":"x"}"#]);
    assert_eq!(told, [BoardChange::RemoveBackend { member: x }]);
    let told = book.change(&[r#"{"change":"cluster_remove","cluster":"a"}"#]);
    assert_eq!(told, [BoardChange::RemoveCluster { slot: 0 }]);
    assert_eq!(book.planner.load(y), (0, 0));
}

#[test]
fn a_backend_that_stays_keeps_its_number_and_its_load() {
    let mut book = Book::new(&[WEB, &cluster("a"), &backend("a", "x", 1)]);
    let member = book.member("a", "x");
    let load = |book: &Book| {
        let plan = book.planner.plan();
        let [ClusterStep::Set { put, .. }] = &plan.0.clusters[..] else { panic!("one cluster") };
        Arc::clone(&put[0].load)
    };
    let before = load(&book);
    book.change(&[r#"{"change":"backend_update","cluster":"a","backend":"x","set":{"max_in_flight":5}}"#]);
    book.change(&[r#"{"change":"backend_remove","cluster":"a","backend":"x"}"#, &backend("a", "x", 1)]);
    assert!(book.member("a", "x") == member && Arc::ptr_eq(&load(&book), &before));
    // In another cluster, the same server is another backend.
    book.change(&[r#"{"change":"cluster_remove","cluster":"a"}"#, &cluster("b"), &backend("b", "x", 1)]);
    assert_ne!(book.member("b", "x").backend, member.backend);
    assert!(!Arc::ptr_eq(&load(&book), &before));
}

#[test]
fn what_is_staged_changes_nothing_until_it_is_committed() {
    let book = Book::new(&[WEB, &cluster("a")]);
    let to = book.apply(&[&cluster("b"), &backend("b", "x", 1)]);
    let steps = [(); 2].map(|()| format!("{:?}", book.stage(&to).board()));
    assert_eq!(steps[0], steps[1]);
    assert_eq!(book.planner.member(&"b".parse().expect("a name"), &"x".parse().expect("a name")), None);
}

#[test]
fn clusters_that_check_an_address_alike_share_the_check() {
    let check = |cluster: &str, path: &str| {
        format!(r#"{{"change":"health_check_set","cluster":"{cluster}","set":{{"path":"{path}"}}}}"#)
    };
    let mut book =
        Book::new(&[WEB, &cluster("a"), &cluster("b"), &backend("a", "x", 1), &backend("b", "x", 1)]);
    assert!(book.checks().is_empty());
    book.change(&[&check("a", "/"), &check("b", "/")]);
    let (a, b) = (book.member("a", "x"), book.member("b", "x"));
    assert_eq!(book.checks(), [vec![a, b]]);
    book.change(&[&check("b", "/other")]);
    assert_eq!(book.checks(), [vec![a], vec![b]]);
    book.change(&[&check("b", "/")]);
    assert_eq!(book.checks(), [vec![a, b]]);
    // One in maintenance is not checked.
    let set = |state: &str| {
        format!(r#"{{"change":"backend_update","cluster":"a","backend":"x","set":{{"state":"{state}"}}}}"#)
    };
    book.change(&[&set("maint")]);
    assert_eq!(book.checks(), [vec![b]]);
    book.change(&[&set("drain")]);
    assert_eq!(book.checks(), [vec![b, a]]);
    book.change(&[r#"{"change":"cluster_remove","cluster":"b"}"#]);
    assert_eq!(book.checks(), [vec![a]]);
    book.change(&[r#"{"change":"health_check_remove","cluster":"a"}"#]);
    assert!(book.checks().is_empty());
    assert_eq!(
        book.state.cluster(&"a".parse().expect("a name")).and_then(|a| a.settings.health_check.clone()),
        None::<HealthCheck>
    );
}

#[test]
fn only_rules_that_change_requests_take_a_place_among_the_routes() {
    let mut book = Book::new(&[WEB, &cluster("a")]);
    let frontend = |set: &str| format!(r#"{{"change":"frontend_add","cluster":"a","set":{set}}}"#);
    book.change(&[
        &frontend(r#"{"hostname":"plain.example"}"#),
        &frontend(r#"{"hostname":"edited.example","host":"inner.example"}"#),
        r#"{"change":"route_add","set":{"hostname":"own.example","respond":{"status":200,"body":"x"}}}"#,
    ]);
    assert_eq!(book.planner.plan().0.routes.len(), 2);
    book.change(&[
        r#"{"change":"frontend_remove","cluster":"a","set":{"hostname":"edited.example"}}"#,
        r#"{"change":"route_remove","set":{"hostname":"own.example"}}"#,
    ]);
    assert!(book.planner.plan().0.routes.is_empty());
}

#[test]
fn a_listener_needs_a_socket_when_it_begins_to_accept() {
    let book = Book::new(&[WEB, &cluster("a")]);
    let opens = |changes: &[&str]| {
        let to = book.apply(changes);
        let opens = book.stage(&to).listeners_to_open().into_iter();
        opens.map(|(slot, name)| (slot, name.to_string())).collect::<Vec<_>>()
    };
    let other = r#"{"change":"listener_add","listener":"other","set":{"address":"127.0.0.1:81"}}"#;
    assert_eq!(opens(&[other]), [(1, "other".to_owned())]);
    let off = r#"{"change":"listener_deactivate","listener":"other"}"#;
    assert_eq!(opens(&[other, off]), []);
    assert_eq!(
        opens(&[r#"{"change":"listener_update","listener":"web","set":{"limits":{"headers":50}}}"#]),
        []
    );
    assert_eq!(opens(&[r#"{"change":"listener_remove","listener":"web"}"#, WEB]), [], "it is the same");
    let moved = WEB.replace(":80", ":82");
    assert_eq!(
        opens(&[r#"{"change":"listener_remove","listener":"web"}"#, &moved]),
        [(1, "web".to_owned())],
        "it is another one"
    );
}

#[test]
fn what_can_not_be_served_is_refused_and_leaves_no_trace() {
    let book = Book::new(&[WEB, &cluster("a")]);
    // A file that a route names and nobody has read is empty, which an answer may be; a secret may not.
    let to = book
        .apply(&[r#"{"change":"cluster_update","cluster":"a","set":{"sticky":{"secret_file":"/nowhere"}}}"#]);
    let touched: Touched = ConfigState::touched(&book.state, &to);
    let refused = book.planner.stage(&touched, &to, &|_| None, &Files::default());
    assert!(matches!(refused, Err(PlanError::Secret { length: 0, .. })));
    assert_eq!(book.planner.number(), 1);
}
