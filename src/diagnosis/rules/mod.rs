//! One file per class. The order here is that of the questions.

mod common;

mod abortive_close;
mod client_abort_mid_response;
mod client_gave_up_waiting;
mod close_with_unread_data;
mod connect_cancelled;
mod crossing_aborts;
mod dead_peer_abort;
mod ecn_syn_refused;
mod error_response_then_reset;
mod firewall_policy_reset;
mod half_close_refused;
mod half_open_recovery;
mod handshake_ack_rejected;
mod health_check;
mod icmp_explained;
mod idle_timeout_reset;
mod ineffective_reset;
mod invalid_protocol_data;
mod keepalive_probe_rejected;
mod keepalive_race;
mod late_data_after_fin;
mod load_balancer_rst_cause;
mod middlebox_injection;
mod mptcp_reset;
mod nat_or_conntrack_state_lost;
mod no_backend_suspected;
mod no_such_connection;
mod normal_close_by_reset;
mod old_incarnation_segment;
mod orphan_memory_abort;
mod orphan_reset;
mod port_scan_closed;
mod port_scan_syn;
mod preconnect_abandoned;
mod probe_close;
mod reset_after_client_hello;
mod reset_after_close;
mod reset_after_handshake;
mod reset_after_request;
mod reset_cause_before_capture;
mod reset_mid_response;
mod rst_with_payload;
mod server_process_terminated;
mod server_rebooted_or_failed_over;
mod server_request_timeout;
mod service_down_or_restarted;
mod stale_connection_reuse;
mod syn_option_refused;
mod syn_refused;
mod syn_refused_intermittently;
mod syn_refused_repeatedly;
mod syn_rejected_by_middlebox;
mod synack_unexpected;
mod tls_alert_then_reset;
mod tls_handshake_timeout;
mod tls_plaintext_mismatch;
mod unclassified;
mod upload_rejected;
mod zero_window_abort;

pub(super) use connect_cancelled::NO_SOCKET;

use super::rule::Rule;

/// All classes, in the order of the questions (diagnosis 5).
pub static ALL: [Rule; 59] = [
    ineffective_reset::RULE,
    mptcp_reset::RULE,
    load_balancer_rst_cause::RULE,
    rst_with_payload::RULE,
    orphan_reset::RULE,
    half_open_recovery::RULE,
    old_incarnation_segment::RULE,
    syn_rejected_by_middlebox::RULE,
    ecn_syn_refused::RULE,
    syn_option_refused::RULE,
    syn_refused::RULE,
    syn_refused_repeatedly::RULE,
    syn_refused_intermittently::RULE,
    service_down_or_restarted::RULE,
    synack_unexpected::RULE,
    port_scan_syn::RULE,
    port_scan_closed::RULE,
    connect_cancelled::RULE,
    handshake_ack_rejected::RULE,
    crossing_aborts::RULE,
    tls_plaintext_mismatch::RULE,
    invalid_protocol_data::RULE,
    upload_rejected::RULE,
    tls_alert_then_reset::RULE,
    keepalive_race::RULE,
    no_backend_suspected::RULE,
    late_data_after_fin::RULE,
    reset_after_close::RULE,
    half_close_refused::RULE,
    icmp_explained::RULE,
    keepalive_probe_rejected::RULE,
    dead_peer_abort::RULE,
    zero_window_abort::RULE,
    stale_connection_reuse::RULE,
    error_response_then_reset::RULE,
    server_request_timeout::RULE,
    client_gave_up_waiting::RULE,
    tls_handshake_timeout::RULE,
    idle_timeout_reset::RULE,
    reset_after_client_hello::RULE,
    firewall_policy_reset::RULE,
    middlebox_injection::RULE,
    reset_after_handshake::RULE,
    preconnect_abandoned::RULE,
    probe_close::RULE,
    health_check::RULE,
    nat_or_conntrack_state_lost::RULE,
    no_such_connection::RULE,
    server_process_terminated::RULE,
    server_rebooted_or_failed_over::RULE,
    reset_mid_response::RULE,
    close_with_unread_data::RULE,
    reset_after_request::RULE,
    client_abort_mid_response::RULE,
    normal_close_by_reset::RULE,
    reset_cause_before_capture::RULE,
    abortive_close::RULE,
    orphan_memory_abort::RULE,
    unclassified::RULE,
];
