use parking_lot::Mutex;

use super::*;
use crate::capability::sockets::{NewSocket, Sockets};
use crate::config::Limits;
use crate::message::encode_frame;

fn sockets<const N: usize>() -> (Sockets, [Arc<Socket>; N]) {
    let plugin = Sockets::default();
    let accepted = std::array::from_fn(|_| {
        plugin.accept(NewSocket::sample(), &Limits::default()).expect("there is room")
    });
    (plugin, accepted)
}

fn topic(name: &str) -> Topic {
    Topic { scope: None, name: name.to_owned() }
}

fn text(payload: &str) -> Publication<'_> {
    Publication { opcode: Opcode::Text, payload: payload.as_bytes(), not_to: None, awake: None }
}

/// The frames that wait for a socket, which must be those of these texts.
fn assert_queued(socket: &Socket, texts: &[&str]) {
    let queued = socket.take_outbound().pieces().collect::<Vec<_>>().concat();
    let mut expected = Vec::new();
    texts.iter().for_each(|text| encode_frame(&mut expected, Opcode::Text, text.as_bytes()));
    assert_eq!(queued, expected, "{texts:?}");
}

#[test]
fn each_subscriber_hears_a_message_once_and_nobody_else_does() {
    let (_plugin, [ann, bob, cat]) = sockets();
    let topics = LocalTopics::default();
    for socket in [&ann, &ann, &bob] {
        topics.subscribe(socket, topic("news")).unwrap();
    }
    assert_eq!(topics.publish(&topic("news"), &text("a")), 2);
    assert_eq!(
        topics.publish(&topic("news"), &Publication { not_to: Some(ann.id), ..text("b") }),
        1
    );
    topics.unsubscribe(&bob, &topic("news"));
    assert_eq!(topics.members(&topic("news")), [ann.id]);
    assert_eq!(topics.publish(&topic("news"), &text("c")), 1);
    assert_eq!(topics.publish(&topic("other"), &text("d")), 0);
    assert_queued(&ann, &["a", "c"]);
    assert_queued(&bob, &["a", "b"]);
    assert_queued(&cat, &[]);
}

#[test]
fn each_scope_has_topics_of_its_own() {
    let (plugin, [ann, bob]) = sockets();
    let of = |scope: &str| Topic { scope: Some(scope.into()), ..topic("news") };
    plugin.topics.subscribe(&ann, of("a")).unwrap();
    plugin.topics.subscribe(&bob, of("b")).unwrap();
    assert_eq!(plugin.topics.members(&of("a")), [ann.id]);
    assert_eq!(plugin.topics.publish(&of("b"), &text("b")), 1);
    assert_eq!(plugin.topics.publish(&topic("news"), &text("to all")), 0);
    assert_eq!(ann.subscriptions(), ["news"]);

    plugin.move_topics(&ann, &of("b").scope);
    assert_eq!(plugin.topics.publish(&of("b"), &text("to both")), 2);
    assert!(plugin.topics.members(&of("a")).is_empty());
    assert_queued(&ann, &["to both"]);
    assert_queued(&bob, &["b", "to both"]);
}

#[test]
fn a_topic_moves_to_another_scope_though_the_site_may_hold_no_more() {
    let (plugin, [ann]) = sockets();
    let of = |scope: &str| Topic { scope: Some(scope.into()), ..topic("news") };
    plugin.topics.subscribe(&ann, of("a")).unwrap();
    let memory = ann.account.memory();
    let before = memory.used();
    memory.limit(1);
    let refused = plugin.topics.subscribe(&ann, topic("more"));
    assert!(matches!(refused, Err(SubscribeError::TooMany(1))), "{refused:?}");
    plugin.move_topics(&ann, &of("b").scope);
    assert_eq!(plugin.topics.members(&of("b")), [ann.id]);
    assert!(plugin.topics.members(&of("a")).is_empty());
    assert_eq!(memory.used(), before);
    plugin.topics.unsubscribe(&ann, &of("b"));
    assert!(memory.used() < before);
}

#[test]
fn a_socket_that_has_left_hears_nothing_and_cannot_come_back() {
    let (plugin, [ann]) = sockets();
    plugin.topics.subscribe(&ann, topic("news")).unwrap();
    assert_eq!(plugin.topics.members(&topic("news")), [ann.id]);
    plugin.remove(ann.id);
    assert!(plugin.topics.members(&topic("news")).is_empty());
    let again = plugin.topics.subscribe(&ann, topic("news"));
    assert!(matches!(again, Err(SubscribeError::Closed)), "{again:?}");
    assert_eq!(plugin.topics.publish(&topic("news"), &text("a")), 0);
}

#[test]
fn a_socket_hears_at_most_64_topics() {
    let (_plugin, [ann]) = sockets();
    let topics = LocalTopics::default();
    for number in 0..64 {
        topics.subscribe(&ann, topic(&number.to_string())).unwrap();
    }
    let refused = topics.subscribe(&ann, topic("one more"));
    assert!(matches!(refused, Err(SubscribeError::TooMany(64))), "{refused:?}");
    assert!(topics.members(&topic("one more")).is_empty());
}

/// What an implementation with a broker does, with nodes in one memory: its own node's subscribers
/// are served at once, and the other nodes' when the broker delivers.
#[derive(Debug)]
struct Joined {
    own: Arc<LocalTopics>,
    broker: Arc<Broker>,
}

#[derive(Debug, Default)]
struct Broker {
    nodes: Mutex<Vec<Arc<LocalTopics>>>,
    sent: Mutex<Vec<Sent>>,
}

#[derive(Debug)]
struct Sent {
    from: Arc<LocalTopics>,
    topic: Topic,
    opcode: Opcode,
    payload: Vec<u8>,
}

impl Joined {
    fn node(broker: &Arc<Broker>) -> Self {
        let own = Arc::<LocalTopics>::default();
        broker.nodes.lock().push(own.clone());
        Self { own, broker: broker.clone() }
    }
}

impl Broker {
    fn deliver(&self) {
        for Sent { from, topic, opcode, payload } in self.sent.lock().drain(..) {
            let publication = Publication { opcode, payload: &payload, not_to: None, awake: None };
            for node in self.nodes.lock().iter().filter(|node| !Arc::ptr_eq(node, &from)) {
                node.publish(&topic, &publication);
            }
        }
    }
}

impl Topics for Joined {
    fn subscribe(&self, socket: &Arc<Socket>, topic: Topic) -> Result<(), SubscribeError> {
        self.own.subscribe(socket, topic)
    }

    fn unsubscribe(&self, socket: &Socket, topic: &Topic) {
        self.own.unsubscribe(socket, topic);
    }

    fn rescope(&self, socket: &Arc<Socket>, from: &Topic, to: Topic) {
        self.own.rescope(socket, from, to);
    }

    fn leave(&self, socket: &Socket) {
        self.own.leave(socket);
    }

    fn publish(&self, topic: &Topic, publication: &Publication<'_>) -> u32 {
        let Publication { opcode, payload, .. } = *publication;
        let sent =
            Sent { from: self.own.clone(), topic: topic.clone(), opcode, payload: payload.into() };
        self.broker.sent.lock().push(sent);
        self.own.publish(topic, publication)
    }

    fn members(&self, topic: &Topic) -> Vec<u32> {
        self.own.members(topic)
    }
}

#[test]
fn a_broker_can_join_the_topics_of_several_nodes() {
    let broker = Arc::default();
    let nodes: [Box<dyn Topics>; 2] =
        [Box::new(Joined::node(&broker)), Box::new(Joined::node(&broker))];
    let (_here, [ann, bob]) = sockets();
    let (_there, [cat]) = sockets();
    // Numbers are a node's own.
    assert_eq!(ann.id, cat.id);
    nodes[0].subscribe(&ann, topic("news")).unwrap();
    nodes[0].subscribe(&bob, topic("news")).unwrap();
    nodes[1].subscribe(&cat, topic("news")).unwrap();
    let published =
        nodes[0].publish(&topic("news"), &Publication { not_to: Some(ann.id), ..text("a") });
    assert_eq!(published, 1, "on this node");
    assert_eq!(nodes[1].publish(&topic("news"), &text("b")), 1);
    broker.deliver();
    assert_queued(&ann, &["b"]);
    assert_queued(&bob, &["a", "b"]);
    assert_queued(&cat, &["b", "a"]);
}
