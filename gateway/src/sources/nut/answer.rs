//! What upsd answers to a list: every line belongs to what was asked for, or the whole answer counts for nothing.

use std::collections::BTreeMap;

use super::failure::Failure;
use super::line::shown;
use crate::config::UpsName;

/// The variables of one UPS, by name.
pub(crate) type Variables = BTreeMap<String, String>;

/// Collects a list of variables.
#[derive(Debug)]
pub(super) struct VariableRows<'a> {
    ups: &'a UpsName,
    variables: Variables,
}

impl<'a> VariableRows<'a> {
    pub(super) const fn of(ups: &'a UpsName) -> Self {
        Self {
            ups,
            variables: Variables::new(),
        }
    }

    /// Takes `VAR <ups> <name> "<value>"`. A variable that is said twice differently says nothing.
    pub(super) fn take(&mut self, words: Vec<String>) -> Result<(), Failure> {
        let Ok([kind, ups, name, value]) = <[String; 4]>::try_from(words) else {
            return Err(Failure::Foreign("a line that is no variable".into()));
        };
        if kind != "VAR" || ups != self.ups.as_str() {
            let what = format!("{} of {}", shown(&kind), shown(&ups));
            return Err(Failure::Foreign(what));
        }
        match self.variables.get(&name) {
            Some(other) if *other != value => Err(Failure::Foreign(format!("two values of {}", shown(&name)))),
            _ => {
                self.variables.insert(name, value);
                Ok(())
            }
        }
    }

    pub(super) fn finish(self) -> Variables {
        self.variables
    }
}

/// Takes `UPS <name> "<description>"`.
pub(super) fn ups(words: Vec<String>) -> Result<(String, String), Failure> {
    match <[String; 3]>::try_from(words) {
        Ok([kind, name, description]) if kind == "UPS" => Ok((name, description)),
        _ => Err(Failure::Foreign("a line that names no UPS".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(rows: &[&[&str]]) -> Result<Variables, Failure> {
        let name = UpsName::new("bat").unwrap();
        let mut list = VariableRows::of(&name);
        for row in rows {
            list.take(row.iter().map(|w| (*w).to_owned()).collect())?;
        }
        Ok(list.finish())
    }

    #[test]
    fn every_line_is_of_the_ups_that_was_asked_for() {
        let good = take(&[&["VAR", "bat", "ups.status", "OB"], &["VAR", "bat", "x", ""]]).unwrap();
        assert_eq!(good["ups.status"], "OB");
        for rows in [
            &["VAR", "other", "ups.status", "OB"][..],
            &["VAR", "bat", "ups.status"],
            &["VAR", "bat", "ups.status", "OB", "LB"],
            &["RW", "bat", "ups.status", "OB"],
            &[],
        ] {
            assert!(matches!(take(&[rows]), Err(Failure::Foreign(_))), "{rows:?}");
        }
    }

    #[test]
    fn a_variable_has_one_value() {
        let (on, off) = (&["VAR", "bat", "x", "1"][..], &["VAR", "bat", "x", "2"][..]);
        assert_eq!(take(&[on, on]).unwrap().len(), 1, "the same twice is the same");
        assert!(take(&[on, off]).is_err());
    }
}
