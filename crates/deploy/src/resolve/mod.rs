//! From a spec to a deployment: every default settled, every contradiction found.

use findings::Report;

use crate::deployment::Deployment;
use crate::layout::Layout;
use crate::spec::Spec;
use crate::target::Target;

/// What the resolution knows besides the spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The NGINX to render for.
    pub nginx: Target,
    /// The machine to render for.
    pub layout: Layout,
}

/// Settles every default of a spec. `None` when the report has an error.
pub fn resolve(spec: &Spec, facts: &Facts) -> (Option<Deployment>, Report) {
    let _ = (spec, facts);
    (None, Report::new())
}
