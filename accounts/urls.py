"""The account's pages. allauth has more; what is not named here does not answer."""

from django.urls import path, re_path

from . import email_pages, passkeys, passwords, second_factor
from .account_page import account_page
from .deletion import deletion_page
from .guard import guarded
from .invitations import open_invitation
from .own_data import own_data_page
from .own_sessions import own_sessions
from .settings_page import settings_page
from .sign_in import sign_in, sign_out
from .sign_up import sign_up
from .token_pages import revoke_token, tokens_page

urlpatterns = [
    path("", account_page, name="account_page"),
    path("login/", sign_in, name="account_login"),
    path("login/passkey/", passkeys.sign_in_by_key, name="mfa_login_webauthn"),
    path("login/second-factor/", second_factor.authenticate, name="mfa_authenticate"),
    path("logout/", sign_out, name="account_logout"),
    path("signup/", sign_up, name="account_signup"),
    path("invitation/<str:key>/", guarded(open_invitation), name="account_invitation"),
    path("email/", email_pages.own_email, name="account_email"),
    path("email/confirm/", email_pages.confirmation_sent, name="account_email_verification_sent"),
    re_path(r"^email/confirm/(?P<key>[-:\w]+)/$", email_pages.confirm_email, name="account_confirm_email"),
    path("password/change/", passwords.change_password, name="account_change_password"),
    path("password/set/", passwords.set_password, name="account_set_password"),
    path("password/reset/", passwords.reset_password, name="account_reset_password"),
    path("password/reset/done/", passwords.reset_password_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        passwords.new_password,
        name="account_reset_password_from_key",
    ),
    path("password/reset/key/done/", passwords.new_password_done, name="account_reset_password_from_key_done"),
    path("prove/password/", passwords.prove_password, name="account_reauthenticate"),
    path("prove/code/", second_factor.prove_code, name="mfa_reauthenticate"),
    path("prove/passkey/", passkeys.prove_key, name="mfa_reauthenticate_webauthn"),
    path("2fa/", second_factor.overview, name="mfa_index"),
    path("2fa/app/", second_factor.activate_app, name="mfa_activate_totp"),
    path("2fa/app/remove/", second_factor.remove_app, name="mfa_deactivate_totp"),
    path("2fa/recovery-codes/", second_factor.recovery_codes, name="mfa_view_recovery_codes"),
    path("2fa/recovery-codes/new/", second_factor.new_recovery_codes, name="mfa_generate_recovery_codes"),
    path("2fa/webauthn/", passkeys.list_keys, name="mfa_list_webauthn"),
    path("2fa/webauthn/add/", passkeys.add_key, name="mfa_add_webauthn"),
    path("2fa/webauthn/<int:pk>/rename/", passkeys.rename_key, name="mfa_edit_webauthn"),
    path("2fa/webauthn/<int:pk>/remove/", passkeys.remove_key, name="mfa_remove_webauthn"),
    path("sessions/", own_sessions, name="usersessions_list"),
    path("tokens/", tokens_page, name="account_tokens"),
    path("tokens/<str:token>/revoke/", revoke_token, name="account_revoke_token"),
    path("settings/", settings_page, name="account_settings"),
    path("export/", own_data_page, name="account_export"),
    path("delete/", deletion_page, name="account_delete"),
]
