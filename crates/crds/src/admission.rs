//! What only the control plane's namespace may say, as the API server checks it at the door.
//!
//! The rules of a definition cannot see the namespace of an object, so these stand in a ValidatingAdmissionPolicy for
//! each kind. The control plane checks the same and does not rely on them: whoever installs may leave them out.

use serde_json::{Value, json};

/// What is said of a network rule that a tenant lifts.
pub(crate) const PLATFORM_NETWORK: &str =
    "is honoured only in the control plane's namespace; without credentials it is not needed";
/// What is said of a tenant's provider that would serve others.
pub(crate) const OWN_ACCESS: &str =
    "must be Same outside of the control plane's namespace: there a provider serves only its own namespace";
/// What is said of a tenant that selects namespaces.
pub(crate) const PLATFORM_SELECTOR: &str = "is allowed only in the control plane's namespace";
/// What is said of a tenant that names another namespace.
pub(crate) const OWN_NAMESPACE: &str = "may name only its own namespace, outside of the control plane's";

/// What is said of a policy for everybody that would write content into traces.
pub(crate) const NAMED_NAMESPACES: &str = "may be Full only for namespaces that the policy names, by targetRefs or by a \
                                           namespaceSelector with matchLabels or In; never for the whole cluster";

/// One check, of an object of these namespaces.
struct Check {
    of: Namespaces,
    field: &'static str,
    expression: &'static str,
    message: &'static str,
}

/// Which namespaces a check is for.
#[derive(Clone, Copy)]
enum Namespaces {
    /// The control plane's.
    Platform,
    /// All others.
    Tenants,
}

const OF_PROVIDERS: [Check; 3] = [
    Check {
        of: Namespaces::Tenants,
        field: "spec.network.plaintext",
        expression: "!object.spec.network.plaintext",
        message: PLATFORM_NETWORK,
    },
    Check {
        of: Namespaces::Tenants,
        field: "spec.network.privateAddresses",
        expression: "!object.spec.network.privateAddresses",
        message: PLATFORM_NETWORK,
    },
    Check {
        of: Namespaces::Tenants,
        field: "spec.access.namespaces.from",
        expression: "object.spec.access.namespaces.from == 'Same'",
        message: OWN_ACCESS,
    },
];

const OF_POLICIES: [Check; 3] = [
    Check {
        of: Namespaces::Tenants,
        field: "spec.namespaceSelector",
        expression: "!has(object.spec.namespaceSelector)",
        message: PLATFORM_SELECTOR,
    },
    Check {
        of: Namespaces::Tenants,
        field: "spec.targetRefs",
        expression: "!has(object.spec.targetRefs) || object.spec.targetRefs.all(r, r.kind != 'Namespace' || r.name == \
                     object.metadata.namespace)",
        message: OWN_NAMESPACE,
    },
    Check {
        of: Namespaces::Platform,
        field: "spec.telemetry.content.capture",
        expression: "!has(object.spec.telemetry) || !has(object.spec.telemetry.content) || \
                     object.spec.telemetry.content.capture != 'Full' || has(object.spec.targetRefs) || \
                     (has(object.spec.namespaceSelector) && \
                     ((has(object.spec.namespaceSelector.matchLabels) && \
                     object.spec.namespaceSelector.matchLabels.size() > 0) || \
                     (has(object.spec.namespaceSelector.matchExpressions) && \
                     object.spec.namespaceSelector.matchExpressions.exists(e, e.operator == 'In'))))",
        message: NAMED_NAMESPACES,
    },
];

/// The policies of admission and their bindings, for a control plane in `namespace`.
pub(crate) fn admission(namespace: &str) -> [Value; 4] {
    let [providers, policies] = [("aiproviders", &OF_PROVIDERS[..]), ("aipolicies", &OF_POLICIES[..])];
    [policy(providers, namespace), binding(providers.0), policy(policies, namespace), binding(policies.0)]
}

fn policy((plural, checks): (&str, &[Check]), namespace: &str) -> Value {
    let validation = |check: &Check| {
        let others = match check.of {
            Namespaces::Platform => "!=",
            Namespaces::Tenants => "==",
        };
        json!({
            "expression": format!("object.metadata.namespace {others} '{namespace}' || {}", check.expression),
            "message": format!("{}: {}", check.field, check.message),
            "reason": "Invalid",
        })
    };
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": format!("{plural}.sidegate.dev")},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [{
                "apiGroups": ["sidegate.dev"],
                "apiVersions": ["v1alpha1"],
                "operations": ["CREATE", "UPDATE"],
                "resources": [plural],
            }]},
            // Whatever it says, an object that is being deleted may go.
            "matchConditions": [{"name": "stays", "expression": "!has(object.metadata.deletionTimestamp)"}],
            "validations": checks.iter().map(validation).collect::<Vec<_>>(),
        },
    })
}

fn binding(plural: &str) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": format!("{plural}.sidegate.dev")},
        "spec": {"policyName": format!("{plural}.sidegate.dev"), "validationActions": ["Deny"]},
    })
}
