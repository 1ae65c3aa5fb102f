//! All files together: one order, one definition of each object, generations that rise with each edit.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::document::Object;
use super::{FileState, Listing, Placed};
use crate::problem::{ObjectName, Place, Problem};

pub(super) fn list(
    files: &BTreeMap<Arc<str>, FileState>,
    outside: &[Problem],
    generations: &mut BTreeMap<ObjectName, (i64, Object)>,
) -> Listing {
    let mut listing = Listing { problems: outside.to_vec(), ..Listing::default() };
    for (file, state) in files {
        listing.problems.extend(state.problems.iter().cloned());
        for loaded in &state.objects {
            match listing.places.entry(loaded.name.clone()) {
                Entry::Vacant(free) => {
                    free.insert(Placed { file: file.clone(), line: loaded.line, text: loaded.text.clone() });
                    listing.objects.push((loaded.name.clone(), loaded.object.clone()));
                }
                Entry::Occupied(first) => {
                    let (first_file, first_line) = (&first.get().file, first.get().line);
                    let reason = format!("is already defined in {first_file}:{first_line}; this one is ignored");
                    let place = Some(Place { file: file.clone(), line: loaded.line });
                    listing.problems.push(Problem { place, ..Problem::of(loaded.name.clone(), "", reason) });
                }
            }
        }
    }
    generations.retain(|name, _| listing.places.contains_key(name));
    for (name, object) in &listing.objects {
        let known = generations.entry(name.clone()).or_insert_with(|| (1, object.clone()));
        if known.1 != *object {
            *known = (known.0 + 1, object.clone());
        }
    }
    listing
}
