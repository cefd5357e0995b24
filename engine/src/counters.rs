//! What an engine counts: plain numbers, read as a snapshot.

/// A snapshot of an engine's counters. All but the gauges (`in_flight`, `streams`, `listeners`, `tasks`,
/// `chunks_out`, `pipes`, `pipes_out`) only ever grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Turns of the loop; each costs one system call.
    pub turns: u64,
    /// Completions taken in.
    pub completions: u64,
    /// Receive operations started.
    pub recvs: u64,
    /// Send operations started, continuations of short ones included.
    pub sends: u64,
    /// Cancel operations started.
    pub cancels: u64,
    /// Sends that the kernel cut short and the engine went on with.
    pub sends_short: u64,
    /// Connections accepted.
    pub accepted: u64,
    /// Times accepting paused because descriptors or memory had run out.
    pub accept_backoffs: u64,
    /// Times a receive found its buffer group empty.
    pub no_buffers: u64,
    /// Times a buffer group was enlarged.
    pub buffer_growths: u64,
    /// Completions of operations whose owner had already gone.
    pub stale: u64,
    /// Times the completion queue ran over.
    pub overflows: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Bytes spliced, through a pipe or a buffer; they are part of both `bytes_in` and `bytes_out`.
    pub bytes_spliced: u64,
    /// Operations in flight now.
    pub in_flight: u64,
    /// Streams open now.
    pub streams: u64,
    /// Listeners open now.
    pub listeners: u64,
    /// Tasks alive now.
    pub tasks: u64,
    /// Receive buffers held outside the kernel now: in queues, by tasks, in sends.
    pub chunks_out: u64,
    /// Pipes, and buffers for splicing.
    pub pipes: u64,
    /// Pipes and such buffers with bytes in them now.
    pub pipes_out: u64,
}
