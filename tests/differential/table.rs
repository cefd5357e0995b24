//! The table of differences in `docs/attacks.md`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{fmt, fs};

use crate::exchange::Outcome;
use crate::variant::Class;

const BEGIN: &str = "<!-- differences: begin -->\n";
const END: &str = "<!-- differences: end -->\n";

/// What the three did with each variant of a class, in its order: Ringway, nginx, HAProxy.
pub(crate) struct Row<'c> {
    pub(crate) class: &'c Class,
    pub(crate) did: [Vec<Outcome>; 3],
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "== {}", self.class.title)?;
        let [ringway, nginx, haproxy] = &self.did;
        for (at, variant) in self.class.variants.iter().enumerate() {
            let (name, cells) = (&variant.name, [ringway, nginx, haproxy].map(|did| did[at].to_string()));
            writeln!(f, "   {name:50} {:36} {:36} {}", cells[0], cells[1], cells[2])?;
        }
        Ok(())
    }
}

/// The table, under a line that says who was compared.
pub(crate) fn markdown(rows: &[Row<'_>], versions: &[String; 2]) -> String {
    let variants: usize = rows.iter().map(|row| row.class.variants.len()).sum();
    let mut text = format!(
        "{variants} variants; nginx {}, HAProxy {}.\n\n\
         | what is sent | variants | Ringway | nginx | HAProxy | why Ringway does so |\n|---|---|---|---|---|---|\n",
        versions[0], versions[1]
    );
    for Row { class, did } in rows {
        let [ringway, nginx, haproxy] = did.each_ref().map(|did| summary(did));
        let (title, count, why) = (class.title, class.variants.len(), class.why);
        text += &format!("| {title} | {count} | {ringway} | {nginx} | {haproxy} | {why} |\n");
    }
    text
}

/// Each outcome, with the number of variants that had it where there are several; the most frequent first.
fn summary(did: &[Outcome]) -> String {
    let mut counts = BTreeMap::<String, usize>::new();
    did.iter().for_each(|outcome| *counts.entry(outcome.to_string()).or_default() += 1);
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    match counts.as_slice() {
        [(only, _)] => only.clone(),
        several => {
            several.iter().map(|(outcome, n)| format!("{outcome} ({n})")).collect::<Vec<_>>().join("; ")
        }
    }
}

/// What a line of the table says about Ringway. Another version of a peer may do other things, so their columns are not held.
fn held(line: &str) -> Option<[&str; 4]> {
    let cells: Vec<_> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
    let [what, variants, ringway, _, _, why] = cells.as_slice() else { return None };
    Some([what, variants, ringway, why])
}

/// Compares the page with `wanted`, or writes it there when `RINGWAY_BLESS` is set. The lines that differ.
pub(crate) fn compare(wanted: &str) -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/attacks.md");
    let page = fs::read_to_string(&path).expect("docs/attacks.md is there");
    let (before, rest) = page.split_once(BEGIN).expect("the page has a place for the table");
    let (found, after) = rest.split_once(END).expect("the table on the page ends");
    if std::env::var_os("RINGWAY_BLESS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{wanted}{END}{after}")).expect("the page can be written");
        return Vec::new();
    }
    let lines = |text: &str| text.lines().filter_map(held).map(|cells| cells.join(" | ")).collect::<Vec<_>>();
    let (found, wanted) = (lines(found), lines(wanted));
    let gone = found.iter().filter(|line| !wanted.contains(line)).map(|line| format!("on the page: {line}"));
    let new = wanted.iter().filter(|line| !found.contains(line)).map(|line| format!("observed: {line}"));
    gone.chain(new).collect()
}
