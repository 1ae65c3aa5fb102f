//! Names of the control plane's metrics, of their labels and of the attributes of its spans; written out like those of
//! the sidecar.

/// Names of metrics, without `_total`, `_bucket`, `_sum` and `_count`.
pub mod metric {
    /// Gauge: sidecars that are connected.
    pub const STREAMS: &str = "sidegate_control_streams";
    /// Counter: messages pushed to sidecars, by subject.
    pub const PUSHES: &str = "sidegate_control_pushes";
    /// Histogram, seconds: from sending something to its answer, by subject.
    pub const PUSH_DURATION: &str = "sidegate_control_push_duration_seconds";
    /// Counter: messages that sidecars took, by subject.
    pub const ACKS: &str = "sidegate_control_acks";
    /// Counter: messages that sidecars refused, by subject.
    pub const NACKS: &str = "sidegate_control_nacks";
    /// Counter: streams that were told to come back later.
    pub const STREAMS_TURNED_AWAY: &str = "sidegate_control_streams_turned_away";
    /// Counter: keys that were not sent.
    pub const CREDENTIALS_WITHHELD: &str = "sidegate_control_credentials_withheld";
    /// Counter: questions of people about running sidecars, by verb and result.
    pub const PEOPLE: &str = "sidegate_control_people";
    /// Counter: audit lines that were not written.
    pub const AUDIT_DROPPED: &str = "sidegate_control_audit_dropped";
    /// Counter: spans of changes that the tracing back-end took; only where spans are sent.
    pub const SPANS_EXPORTED: &str = "sidegate_control_spans_exported";
    /// Counter: spans of changes that are lost, by reason; only where spans are sent.
    pub const SPANS_DROPPED: &str = "sidegate_control_spans_dropped";
    /// Gauge: objects in force, by kind.
    pub const OBJECTS: &str = "sidegate_control_objects";
    /// Gauge: objects that a connected sidecar refuses, by kind.
    pub const OBJECTS_REJECTED: &str = "sidegate_control_objects_rejected";
    /// Gauge: problems of objects, by severity.
    pub const PROBLEMS: &str = "sidegate_control_problems";
    /// Gauge: classes of callers with an effective policy each.
    pub const CLASSES: &str = "sidegate_control_classes";
    /// Gauge: the epoch of every policy that is pushed.
    pub const EPOCH: &str = "sidegate_control_epoch";
    /// Gauge: 1 on the replica that writes statuses.
    pub const STATUS_WRITER: &str = "sidegate_control_status_writer";
    /// Counter: statuses by what became of them.
    pub const STATUS_WRITES: &str = "sidegate_control_status_writes";
    /// Gauge: whether the watches of a kind are current.
    pub const WATCH_UP: &str = "sidegate_control_watch_up";
    /// Gauge: seconds since a kind was heard of.
    pub const WATCH_AGE: &str = "sidegate_control_watch_age_seconds";
    /// Gauge: objects of a kind that are known.
    pub const WATCH_OBJECTS: &str = "sidegate_control_watch_objects";
    /// Counter: whole lists of a kind.
    pub const WATCH_LISTS: &str = "sidegate_control_watch_lists";
    /// Counter: failures of the watches of a kind.
    pub const WATCH_FAILURES: &str = "sidegate_control_watch_failures";
    /// Gauge, always 1: objects that do not decode.
    pub const OBJECT_UNDECODABLE: &str = "sidegate_control_object_undecodable";
    /// Gauge, always 1: the version of the program, as a label.
    pub const BUILD_INFO: &str = "sidegate_control_build_info";

    /// All of them.
    pub const ALL: [&str; 25] = [
        STREAMS,
        PUSHES,
        PUSH_DURATION,
        ACKS,
        NACKS,
        STREAMS_TURNED_AWAY,
        CREDENTIALS_WITHHELD,
        PEOPLE,
        AUDIT_DROPPED,
        SPANS_EXPORTED,
        SPANS_DROPPED,
        OBJECTS,
        OBJECTS_REJECTED,
        PROBLEMS,
        CLASSES,
        EPOCH,
        STATUS_WRITER,
        STATUS_WRITES,
        WATCH_UP,
        WATCH_AGE,
        WATCH_OBJECTS,
        WATCH_LISTS,
        WATCH_FAILURES,
        OBJECT_UNDECODABLE,
        BUILD_INFO,
    ];
}

/// Names of labels.
pub mod label {
    /// `policy` or `credentials`.
    pub const SUBJECT: &str = "subject";
    /// The kind of an object, as it stands in Kubernetes.
    pub const KIND: &str = "kind";
    /// Namespace of an object; scrapers have `namespace` for that of the pod.
    pub const OBJECT_NAMESPACE: &str = "object_namespace";
    /// Name of an object.
    pub const OBJECT_NAME: &str = "object_name";
    /// `error` or `warning`.
    pub const SEVERITY: &str = "severity";
    /// Why something is lost.
    pub const REASON: &str = "reason";
    /// `tap`, `top` or `trace`.
    pub const VERB: &str = "verb";
    /// `written` or `failed` of statuses, `admitted` or `refused` of people.
    pub const RESULT: &str = "result";
    /// A version.
    pub const VERSION: &str = "version";
}

/// Attributes of the span of a change, beside `error.type`.
pub mod attribute {
    /// The kind of the object, as it stands in Kubernetes.
    pub const OBJECT_KIND: &str = "sidegate.object.kind";
    /// Its namespace.
    pub const OBJECT_NAMESPACE: &str = "sidegate.object.namespace";
    /// Its name.
    pub const OBJECT_NAME: &str = "sidegate.object.name";
    /// `metadata.uid`.
    pub const OBJECT_UID: &str = "sidegate.object.uid";
    /// The generation that is spoken of.
    pub const OBJECT_GENERATION: &str = "sidegate.object.generation";
    /// What happened, in the words of the audit trail.
    pub const CHANGE_KIND: &str = "sidegate.change.kind";
    /// `programmed` or `superseded`, for what was accepted.
    pub const CHANGE_OUTCOME: &str = "sidegate.change.outcome";
    /// The field manager that wrote.
    pub const CHANGE_MANAGER: &str = "sidegate.change.manager";
    /// Paths of what differs.
    pub const CHANGE_FIELDS: &str = "sidegate.change.fields";
    /// Why it was refused.
    pub const CHANGE_REFUSALS: &str = "sidegate.change.refusals";
    /// Sidecars that enforce it.
    pub const CHANGE_SIDECARS: &str = "sidegate.change.sidecars";
}
