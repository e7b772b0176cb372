//! A service for operational data provisioning as SAP's generator makes one,
//! written from SAP's documents ("Using the OData Service for Extracting ODP
//! Data", "OData Artefacts Available for Extraction of ODP Data") and from what
//! clients report of real ones: one delta queue for each user, tokens, packages
//! that may be asked for again, pages, and functions to look at a subscription
//! and to end it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::peer::{Peer, Reply, Request};

pub const SET: &str = "FactsOfORDERS";

/// What a service does besides, or otherwise.
#[derive(Clone, Default)]
pub struct Habits {
    /// The last page does not tell the delta link; the list of links does.
    pub hides_link: bool,
    /// The last page tells the delta link where the next page's stands.
    pub link_as_next: bool,
    /// `Prefer: odata.track-changes` means nothing to it.
    pub ignores_wish: bool,
    /// The subscription is ended by POST and with a CSRF token.
    pub ends_by_post: bool,
    /// It has no function and no list for deltas.
    pub is_plain: bool,
    /// Its list of links is empty.
    pub lists_nothing: bool,
    /// The subscription does not end when it is told to.
    pub never_ends: bool,
}

#[derive(Clone, Debug)]
struct Row {
    customer: String,
    amount: String,
}

#[derive(Clone, Debug)]
struct Change {
    order: String,
    row: Option<Row>,
    mode: &'static str,
}

/// One user's queue.
#[derive(Clone, Debug, Default)]
struct Queue {
    /// `$filter` and `$select` of the first request, as they were sent.
    options: String,
    customer: Option<String>,
    /// Tokens in their order, and whether one is of a full load.
    links: Vec<(String, bool)>,
    /// What a token leads to, once asked for: the changes and the token after them.
    packages: HashMap<String, (Vec<Change>, String)>,
    pending: Vec<Change>,
}

#[derive(Default)]
struct State {
    rows: BTreeMap<String, Row>,
    queues: HashMap<String, Queue>,
    made: u32,
    /// The number of a page, counted from 0, that ends in its middle, and how often.
    torn: Option<(usize, u32)>,
}

/// The service; clones share its state.
#[derive(Clone, Default)]
pub struct Odp {
    state: Arc<Mutex<State>>,
    habits: Habits,
}

impl Odp {
    pub fn new(orders: u32, habits: Habits) -> Self {
        let odp = Self { habits, ..Self::default() };
        for order in 1..=orders {
            odp.put(order, if order % 2 == 0 { "EVEN" } else { "ODD" }, "10.00");
        }
        odp
    }

    /// The same queues behind a service with other habits.
    pub fn with(&self, habits: Habits) -> Self {
        Self { state: Arc::clone(&self.state), habits }
    }

    pub async fn start(&self) -> Peer {
        let service = self.clone();
        Peer::start(move |request| service.answer(request)).await
    }

    fn change(&self, order: u32, row: Option<Row>) {
        let mut state = self.state.lock().unwrap();
        let order = format!("{order:05}");
        let old = match &row {
            Some(row) => state.rows.insert(order.clone(), row.clone()),
            None => state.rows.remove(&order),
        };
        let mode = match (&old, &row) {
            (None, _) => "C",
            (Some(_), Some(_)) => "U",
            (Some(_), None) => "D",
        };
        for queue in state.queues.values_mut() {
            let customer = row.as_ref().or(old.as_ref()).map(|row| row.customer.clone());
            if queue.customer.is_none() || queue.customer == customer {
                queue.pending.push(Change { order: order.clone(), row: row.clone(), mode });
            }
        }
    }

    pub fn put(&self, order: u32, customer: &str, amount: &str) {
        self.change(order, Some(Row { customer: customer.to_owned(), amount: amount.to_owned() }));
    }

    pub fn delete(&self, order: u32) {
        self.change(order, None);
    }

    /// Tears the page of this number so many times.
    pub fn tear(&self, page: usize, times: u32) {
        self.state.lock().unwrap().torn = Some((page, times));
    }

    /// What a reorganisation of the queues does to all that was delivered.
    pub fn forget_delivered(&self) {
        for queue in self.state.lock().unwrap().queues.values_mut() {
            let last = queue.links.pop();
            queue.links = last.into_iter().collect();
            queue.packages.clear();
        }
    }

    /// How many users have a subscription.
    pub fn subscriptions(&self) -> usize {
        self.state.lock().unwrap().queues.len()
    }

    pub fn metadata(&self) -> String {
        let tracking = if self.habits.is_plain { "" } else { r#" sap:change-tracking="true""# };
        let method = if self.habits.ends_by_post { "POST" } else { "GET" };
        let deltas = if self.habits.is_plain {
            String::new()
        } else {
            format!(
                r#"<EntitySet Name="DeltaLinksOf{SET}" EntityType="ZORDERS_SRV.DeltaLinksOf{SET}" sap:creatable="false"/>
<FunctionImport Name="SubscribedTo{SET}" ReturnType="ZORDERS_SRV.ChangeTrackingDetails" m:HttpMethod="GET"/>
<FunctionImport Name="TerminateDeltasFor{SET}" ReturnType="ZORDERS_SRV.SubscriptionTerminationDetails" m:HttpMethod="{method}"/>"#
            )
        };
        format!(
            r#"<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata" xmlns:sap="http://www.sap.com/Protocols/SAPData">
<edmx:DataServices m:DataServiceVersion="2.0">
<Schema Namespace="ZORDERS_SRV" xml:lang="en" sap:schema-version="1" xmlns="http://schemas.microsoft.com/ado/2008/09/edm">
<EntityType Name="{SET}" sap:content-version="1"><Key><PropertyRef Name="ORDERNO"/></Key>
<Property Name="ORDERNO" Type="Edm.String" Nullable="false" MaxLength="5" sap:label="Order"/>
<Property Name="CUSTOMER" Type="Edm.String" MaxLength="10"/>
<Property Name="AMOUNT" Type="Edm.Decimal" Precision="15" Scale="2" sap:filterable="false"/>
<Property Name="ODQ_CHANGEMODE" Type="Edm.String" MaxLength="1" sap:semantics="change-mode" sap:filterable="false"/>
<Property Name="ODQ_ENTITYCNTR" Type="Edm.Decimal" Precision="19" Scale="0" sap:semantics="entity-counter" sap:filterable="false"/>
</EntityType>
<EntityType Name="DeltaLinksOf{SET}" sap:content-version="1"><Key><PropertyRef Name="DeltaToken"/></Key>
<Property Name="DeltaToken" Type="Edm.String" Nullable="false"/>
<Property Name="CreatedAt" Type="Edm.DateTime" Precision="0"/>
<Property Name="IsInitialLoad" Type="Edm.Boolean"/>
<NavigationProperty Name="ChangesAfter" Relationship="ZORDERS_SRV.factsOfORDERS" FromRole="FromRole" ToRole="ToRole"/>
</EntityType>
<ComplexType Name="ChangeTrackingDetails"><Property Name="SubscribedFlag" Type="Edm.Boolean" Nullable="false"/></ComplexType>
<ComplexType Name="SubscriptionTerminationDetails"><Property Name="ResultFlag" Type="Edm.Boolean" Nullable="false"/></ComplexType>
<Association Name="factsOfORDERS"><End Type="ZORDERS_SRV.DeltaLinksOf{SET}" Multiplicity="1" Role="FromRole"/>
<End Type="ZORDERS_SRV.{SET}" Multiplicity="*" Role="ToRole"/></Association>
<EntityContainer Name="ZORDERS_SRV_Entities" m:IsDefaultEntityContainer="true" sap:supported-formats="atom json xlsx">
<EntitySet Name="{SET}" EntityType="ZORDERS_SRV.{SET}" sap:creatable="false" sap:updatable="false" sap:deletable="false"{tracking}/>
{deltas}
</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"#
        )
    }

    pub fn answer(&self, request: &Request) -> Reply {
        let user = request.header("authorization").to_owned();
        let Some(name) = request.path.strip_prefix("/odata/") else { return error(404, "No such service") };
        let name = name.to_owned();
        match name.as_str() {
            "$metadata" => Reply::new(200, self.metadata()).with("content-type", "application/xml"),
            "" if request.header("x-csrf-token").eq_ignore_ascii_case("fetch") => {
                Reply::json(&json!({"d": {"EntitySets": [SET]}}))
                    .with("x-csrf-token", "tOkEn==")
                    .with("set-cookie", "SAP_SESSIONID_X=abc; path=/; HttpOnly")
            }
            "" => Reply::json(&json!({"d": {"EntitySets": [SET]}})),
            SET => self.page(request, &user),
            _ if self.habits.is_plain => error(404, "Resource not found"),
            _ if name == format!("DeltaLinksOf{SET}") => self.links(&user),
            _ if name == format!("SubscribedTo{SET}") => {
                let subscribed = self.state.lock().unwrap().queues.contains_key(&user);
                Reply::json(&json!({"d": {format!("SubscribedTo{SET}"): {
                    "__metadata": {"type": "ZORDERS_SRV.ChangeTrackingDetails"}, "SubscribedFlag": subscribed
                }}}))
            }
            _ if name == format!("TerminateDeltasFor{SET}") => self.terminate(request, &user),
            _ => error(404, "Resource not found"),
        }
    }

    fn terminate(&self, request: &Request, user: &str) -> Reply {
        let wanted = if self.habits.ends_by_post { "POST" } else { "GET" };
        if request.method != wanted {
            return error(405, "Method not allowed for the function import");
        }
        if self.habits.ends_by_post
            && (request.header("x-csrf-token") != "tOkEn=="
                || request.header("cookie") != "SAP_SESSIONID_X=abc")
        {
            return error(403, "CSRF token validation failed").with("x-csrf-token", "Required");
        }
        let ended = !self.habits.never_ends && self.state.lock().unwrap().queues.remove(user).is_some();
        Reply::json(&json!({"d": {format!("TerminateDeltasFor{SET}"): {
            "__metadata": {"type": "ZORDERS_SRV.SubscriptionTerminationDetails"}, "ResultFlag": ended
        }}}))
    }

    fn links(&self, user: &str) -> Reply {
        if self.habits.lists_nothing {
            return Reply::json(&json!({"d": {"results": []}}));
        }
        let state = self.state.lock().unwrap();
        let links = state.queues.get(user).map(|queue| queue.links.as_slice()).unwrap_or_default();
        // A list in no order that a client could rely on.
        let rows: Vec<Value> = links
            .iter()
            .rev()
            .map(|(token, initial)| {
                let millis = 1_700_000_000_000_i64 + 1000 * token[9..15].parse::<i64>().unwrap();
                json!({
                    "__metadata": {"type": "ZORDERS_SRV.DeltaLinks"},
                    "DeltaToken": token, "CreatedAt": format!("/Date({millis})/"), "IsInitialLoad": initial,
                    "ChangesAfter": {"__deferred": {"uri": format!("DeltaLinksOf{SET}('{token}')/ChangesAfter")}},
                })
            })
            .collect();
        Reply::json(&json!({"d": {"results": rows}}))
    }

    fn page(&self, request: &Request, user: &str) -> Reply {
        let mut state = self.state.lock().unwrap();
        let prefer = request.header("prefer").to_owned();
        let size = prefer
            .split(',')
            .find_map(|wish| wish.trim().strip_prefix("odata.maxpagesize="))
            .map_or(usize::MAX, |size| size.parse().unwrap());
        let tracks =
            prefer.contains("odata.track-changes") && !self.habits.ignores_wish && !self.habits.is_plain;
        let unquoted = |name: &str| request.option(name).map(|text| text.trim_matches('\'').to_owned());
        let customer = request.option("$filter").map(|filter| {
            filter.strip_prefix("CUSTOMER eq ").expect("the one filter").trim_matches('\'').to_owned()
        });
        let (from, at) = match unquoted("$skiptoken") {
            Some(token) => {
                let (token, page) = token.split_once(',').unwrap();
                (Some(token.to_owned()), page.parse::<usize>().unwrap())
            }
            None => (unquoted("!deltatoken"), 0),
        };
        // What is sent, the token after it, and the token that leads to it.
        let (changes, after, from) = match from {
            None => {
                let all = state
                    .rows
                    .iter()
                    .filter(|(_, row)| customer.as_ref().is_none_or(|customer| *customer == row.customer))
                    .map(|(order, row)| Change { order: order.clone(), row: Some(row.clone()), mode: "" })
                    .collect::<Vec<_>>();
                state.made += 1;
                let (full, token) = (format!("F{}", state.made), token(state.made));
                let mut options = Vec::new();
                for name in ["$select", "$filter"] {
                    options.extend(
                        request.option(name).map(|value| format!("{name}={}", value.replace(' ', "%20"))),
                    );
                }
                // A subscription takes the place of the user's last one.
                let queue = Queue {
                    options: options.join("&"),
                    customer,
                    links: vec![(token.clone(), true)],
                    packages: HashMap::from([(full.clone(), (all.clone(), token.clone()))]),
                    pending: Vec::new(),
                };
                let reads = if tracks { user.to_owned() } else { format!("{user} without tracking") };
                state.queues.retain(|key, _| tracks || !key.ends_with("without tracking"));
                if tracks || size < usize::MAX {
                    state.queues.insert(reads, queue);
                }
                (all, token, full)
            }
            Some(from) => {
                state.made += 1;
                let fresh = token(state.made);
                let Some(queue) = state.queues.values_mut().find(|queue| {
                    queue.packages.contains_key(&from) || queue.links.iter().any(|(link, _)| *link == from)
                }) else {
                    return error(410, &format!("Delta token {from} is not available (any more)"));
                };
                if !queue.packages.contains_key(&from) {
                    if queue.links.last().is_some_and(|(link, _)| *link != from) {
                        return error(410, &format!("Delta token {from} is not available (any more)"));
                    }
                    // Where nothing has changed the old token is as good as a new one.
                    if !queue.pending.is_empty() {
                        let pending = std::mem::take(&mut queue.pending);
                        queue.links.push((fresh.clone(), false));
                        queue.packages.insert(from.clone(), (pending, fresh));
                    }
                }
                let (changes, after) =
                    queue.packages.get(&from).cloned().unwrap_or_else(|| (Vec::new(), from.clone()));
                (changes, after, from)
            }
        };
        let queue = state.queues.values().find(|queue| queue.links.iter().any(|(link, _)| *link == after));
        let options = queue.map(|queue| queue.options.clone()).unwrap_or_default();
        let select = request.option("$select").map(str::to_owned).or_else(|| {
            options.split('&').find_map(|option| option.strip_prefix("$select=")).map(str::to_owned)
        });
        let start = at.saturating_mul(size).min(changes.len());
        let end = start.saturating_add(size).min(changes.len());
        let rows: Vec<Value> =
            changes[start..end].iter().map(|change| record(change, select.as_deref())).collect();
        let mut page = json!({ "results": rows });
        let host = request.header("host");
        let link = |rest: String| {
            let between = if options.is_empty() { "" } else { "&" };
            format!("http://{host}/odata/{SET}?{options}{between}{rest}")
        };
        let delta = link(format!("!deltatoken='{after}'"));
        if end < changes.len() {
            page["__next"] = link(format!("$skiptoken='{from},{}'", at + 1)).into();
        } else if queue.is_some() && (tracks || !from.starts_with('F') || is_tracked(&state, &after)) {
            if self.habits.link_as_next {
                page["__next"] = delta.into();
            } else if !self.habits.hides_link {
                page["__delta"] = delta.into();
            }
        }
        let mut reply = Reply::json(&json!({ "d": page }));
        if tracks {
            reply = reply.with("preference-applied", prefer);
        }
        if let Some((torn, times)) = state.torn.filter(|(torn, times)| *torn == at && *times > 0) {
            state.torn = Some((torn, times - 1));
            reply.body.truncate(reply.body.len() / 2);
        }
        reply
    }
}

fn is_tracked(state: &State, token: &str) -> bool {
    let owner = state.queues.iter().find(|(_, queue)| queue.links.iter().any(|(link, _)| link == token));
    owner.is_some_and(|(user, _)| !user.ends_with("without tracking"))
}

/// A token as SAP's look: a time and a number.
fn token(made: u32) -> String {
    format!("D20260911{made:06}_{made:06}000")
}

/// A record of a page. A deleted one has its key and otherwise initial values,
/// as ABAP calls them.
fn record(change: &Change, select: Option<&str>) -> Value {
    let row = change.row.clone().unwrap_or(Row { customer: String::new(), amount: "0.00".to_owned() });
    let mut record = json!({
        "__metadata": {"type": format!("ZORDERS_SRV.{SET}"), "uri": format!("{SET}('{}')", change.order)},
        "ORDERNO": change.order, "CUSTOMER": row.customer, "AMOUNT": row.amount,
        "ODQ_CHANGEMODE": change.mode, "ODQ_ENTITYCNTR": if change.row.is_some() { "1" } else { "-1" },
    });
    if let Some(select) = select {
        let wanted: Vec<&str> = select.split(',').collect();
        record
            .as_object_mut()
            .unwrap()
            .retain(|name, _| name == "__metadata" || wanted.contains(&name.as_str()));
    }
    record
}

fn error(status: u16, text: &str) -> Reply {
    let body =
        json!({"error": {"code": "/IWBEP/CX_MGW_BUSI_EXCEPTION", "message": {"lang": "en", "value": text}}});
    Reply::new(status, body.to_string()).with("content-type", "application/json")
}
