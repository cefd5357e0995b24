//! Facts about the machine that a figure means nothing without, and two of its counters.

use std::fs;
use std::io;

/// Name and value of each fact, in the report's order.
pub(crate) fn facts(proxy_core: usize) -> Vec<(&'static str, String)> {
    let cpu = format!("/sys/devices/system/cpu/cpu{proxy_core}");
    vec![
        ("kernel", read("/proc/sys/kernel/osrelease").unwrap_or_else(unknown)),
        ("CPU", cpu_model().unwrap_or_else(unknown)),
        ("governor", read(&format!("{cpu}/cpufreq/scaling_governor")).unwrap_or_else(not_readable)),
        ("mitigations", mitigations()),
        ("load before", read("/proc/loadavg").unwrap_or_else(unknown)),
    ]
}

/// Cores that share the proxy core's execution units, itself included, as the kernel writes the list.
pub(crate) fn siblings(core: usize) -> Option<String> {
    read(&format!("/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list"))
}

/// Processes ready to run, averaged over the last minute.
pub(crate) fn load_average() -> Option<f64> {
    read("/proc/loadavg")?.split(' ').next()?.parse().ok()
}

/// Seconds that a core has spent on anything at all since it started, interrupts included.
pub(crate) fn core_busy_s(core: usize) -> io::Result<f64> {
    let text = fs::read_to_string("/proc/stat")?;
    let ticks = busy_ticks(&text, core).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, format!("/proc/stat has no line for core {core}"))
    })?;
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// TCP connections accepted on this machine so far.
pub(crate) fn connections_accepted() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/net/snmp")?;
    passive_opens(&text)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "/proc/net/snmp has no PassiveOpens"))
}

fn read(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn not_readable() -> String {
    "not readable (a virtual machine?)".to_owned()
}

fn cpu_model() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let value = |key: &str| {
        let line = text.lines().find(|line| line.starts_with(key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let model = value("model name").or_else(|| value("CPU implementer"))?;
    let cores = text.lines().filter(|line| line.starts_with("processor")).count();
    let numbers: Vec<String> =
        ["cpu family", "model\t", "stepping"].iter().filter_map(|key| value(key)).collect();
    Some(format!("{model} (family/model/stepping {}), {cores} logical", numbers.join("/")))
}

/// What the kernel does about each of the processor's faults that it knows of and the processor has.
fn mitigations() -> String {
    let Ok(folder) = fs::read_dir("/sys/devices/system/cpu/vulnerabilities") else { return not_readable() };
    let mut lines: Vec<String> = folder
        .flatten()
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, read(entry.path().to_str()?)?)))
        .filter(|(_, state)| state != "Not affected")
        .map(|(name, state)| format!("{name}: {state}"))
        .collect();
    lines.sort();
    if lines.is_empty() { "none needed".to_owned() } else { lines.join("; ") }
}

/// Ticks in `/proc/stat` that a core was not idle for: user, nice, system, irq and softirq.
///
/// Time stolen by the hypervisor is left out, as it is from a thread's own figure.
fn busy_ticks(text: &str, core: usize) -> Option<u64> {
    let name = format!("cpu{core} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name))?;
    let fields: Vec<u64> = line.split_ascii_whitespace().map_while(|field| field.parse().ok()).collect();
    [0, 1, 2, 5, 6].iter().map(|&index| fields.get(index)).sum()
}

/// The value under `PassiveOpens` in `/proc/net/snmp`, whose lines come in pairs: names, then values.
fn passive_opens(text: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let index = names.split_ascii_whitespace().position(|name| name == "PassiveOpens")?;
    values.split_ascii_whitespace().nth(index)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{busy_ticks, connections_accepted, core_busy_s, passive_opens};

    #[test]
    fn a_core_is_busy_with_everything_but_idling_waiting_and_stolen_time() {
        let text = "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 4 800 1600 8 16 3200 5 0\ncpu10 7 0 0 0 0 0 0 0 0 0\n";
        assert_eq!(busy_ticks(text, 0), Some(31));
        assert_eq!(busy_ticks(text, 10), Some(7));
        assert_eq!(busy_ticks(text, 1), None);
    }

    #[test]
    fn accepted_connections_are_found_by_their_column() {
        let text = "Ip: A B\nIp: 1 2\nTcp: RtoAlgorithm ActiveOpens PassiveOpens Other\nTcp: 1 200 -1 5\n";
        assert_eq!(passive_opens(text), None, "a negative count is no count");
        let text = "Tcp: RtoAlgorithm ActiveOpens PassiveOpens Other\nTcp: 1 200 300 5\n";
        assert_eq!(passive_opens(text), Some(300));
    }

    #[test]
    fn this_machine_has_both_counters() {
        assert!(core_busy_s(0).unwrap() > 0.0);
        connections_accepted().unwrap();
    }
}
