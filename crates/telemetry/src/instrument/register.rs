//! Everything that is told, by name.

use std::fmt;

use super::Instrument;
use crate::exposition::{Family, Labels};

/// Instruments under the names that they are told by.
#[derive(Default)]
pub struct Register(Vec<Entry>);

struct Entry {
    name: &'static str,
    help: &'static str,
    labels: Labels,
    instrument: Box<dyn Instrument>,
}

impl Register {
    /// Tells `instrument` from now on, and hands it back.
    pub fn add<I: Instrument + Clone + 'static>(&mut self, name: &'static str, help: &'static str, instrument: I) -> I {
        self.add_of(name, help, Labels::new(), instrument)
    }

    /// The same with labels that all its samples have.
    pub fn add_of<I: Instrument + Clone + 'static>(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: Labels,
        instrument: I,
    ) -> I {
        self.0.push(Entry { name, help, labels, instrument: Box::new(instrument.clone()) });
        instrument
    }

    /// What all of them have counted; those of one name are one family.
    #[must_use]
    pub fn read(&self) -> Vec<Family> {
        let mut families: Vec<Family> = Vec::new();
        for entry in &self.0 {
            let own = entry.read();
            match families.iter_mut().find(|family| family.name == own.name) {
                Some(family) => family.samples.extend(own.samples),
                None => families.push(own),
            }
        }
        families
    }
}

impl Entry {
    fn read(&self) -> Family {
        let mut samples = Vec::new();
        self.instrument.read(&self.labels, &mut samples);
        Family { name: self.name, help: self.help, kind: self.instrument.kind(), samples }
    }
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|e| e.name)).finish()
    }
}
