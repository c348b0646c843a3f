mod gaps;
mod hostile;
mod keeping;
mod rig;
mod torn;
