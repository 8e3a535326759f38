//! Messages for a shared instance: those of several sockets in one call, if its component takes
//! batches.

use super::runner::Runner;
use super::{Event, GuestCalls as _, InstanceSource};
use crate::buffers;
use crate::capability::socket::Delivery;
use crate::capability::turn::Turns;

/// The most sockets whose messages go to the guest in one call.
const MAX_SOCKETS: usize = 256;

/// When a call has this many bytes, nothing more is added to it.
const MAX_BYTES: usize = 128 * 1024;

impl<T: InstanceSource> Runner<T> {
    /// Has the guest handle messages, and possibly those that wait behind them. Then writes what
    /// the guest has queued in answer. Each delivery is finished, even after a failure.
    pub(crate) async fn receive(&mut self, first: Delivery) {
        if !self.shared.template.takes_batches() || !first.is_packed() {
            return self.receive_alone(first).await;
        }
        let mut batch = self.take_batch(first);
        while !batch.is_empty() {
            let handled = self.receive_packed(&mut batch).await;
            for delivery in batch.drain(..handled) {
                delivery.socket.finish_delivery().flush();
            }
        }
        self.shared.inner.lock().batch = batch;
    }

    async fn receive_alone(&mut self, delivery: Delivery) {
        let socket = &delivery.socket;
        if self.serves(socket)
            && let Some(instance) = self.instance(Some(socket)).await
        {
            let result = instance.receive(&delivery).await;
            self.after(result, Some(socket));
        }
        delivery.socket.finish_delivery().flush();
    }

    /// Takes one delivery, and those behind it that can share its call.
    fn take_batch(&self, first: Delivery) -> Vec<Delivery> {
        let mut inner = self.shared.inner.lock();
        let mut batch = std::mem::take(&mut inner.batch);
        let mut bytes = first.messages.packed().len();
        batch.push(first);
        while batch.len() < MAX_SOCKETS && bytes < MAX_BYTES {
            let next = inner.queue.pop_front_if(
                |event| matches!(event, Event::Receive(delivery) if delivery.is_packed()),
            );
            let Some(Event::Receive(next)) = next else { break };
            bytes += next.messages.packed().len();
            batch.push(next);
        }
        batch
    }

    /// Returns how many deliveries of the batch are done. A failure belongs to the last of them.
    async fn receive_packed(&mut self, batch: &mut Vec<Delivery>) -> usize {
        batch.retain_mut(|delivery| {
            let serves = self.serves(&delivery.socket);
            if !serves {
                delivery.socket.finish_delivery().flush();
            }
            serves
        });
        let Some(first) = batch.first() else { return 0 };
        let first = first.socket.clone();
        let Some(instance) = self.instance(Some(&first)).await else { return 1 };
        let packed = match &mut batch[..] {
            [one] => one.messages.take_packed(),
            several => {
                let mut all = buffers::take();
                several.iter().for_each(|one| all.extend_from_slice(one.messages.packed()));
                all
            }
        };
        let mut turns = Turns::of(std::mem::take(batch));
        let result = instance.receive_packed(&packed, &mut turns).await;
        buffers::give(packed);
        let done = match &result {
            Ok(_) => turns.deliveries.len(),
            Err(_) => turns.at + 1,
        };
        self.after(result, turns.current());
        *batch = turns.deliveries;
        done
    }
}
