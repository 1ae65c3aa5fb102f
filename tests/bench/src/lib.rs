//! Parts shared by the floor and the load generator.
