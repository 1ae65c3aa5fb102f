//! What the documentation says about routing, as sentences. `properties` holds what is true of any policy.

mod dry_run;
mod lists;
mod order;
mod properties;
mod routes;
mod unusable;
mod weighed;
