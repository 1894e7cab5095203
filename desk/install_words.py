"""What the install pages say, for the catalogues: texts that are made elsewhere and shown here, and titles by code."""

from __future__ import annotations

from collections.abc import Mapping

from desk.language import N_

STEP_TITLES: Mapping[str, str] = {
    "webhooks": N_("Webhooks registered"),
    "locations": N_("Locations read"),
    "settings": N_("Store settings read"),
    "catalogue": N_("Catalogue read"),
    "mapping": N_("Locations and articles matched"),
}
STATES: Mapping[str, str] = {"waiting": N_("waiting"), "done": N_("done"), "failed": N_("failed")}
# Kind of trouble -> what to do.
REMEDIES: Mapping[str, str] = {
    "auth": N_("The store refuses our access. Install the connector again from the store, then try again."),
    "refused": N_("The store said no. Read its words below, correct the cause there, then try again."),
    "later": N_("The store did not answer as it should. It is tried again by itself."),
}
EVENTS: Mapping[str, str] = {
    "linked": N_("Installed"),
    "linked_again": N_("Installed again"),
    "uninstalled": N_("Uninstalled"),
}

# The refusals of the stories and of the platforms, word for word as they raise them.
TEXTS = (
    N_("Begin the installation again."),
    N_("Begin the installation again in this browser, and finish it within ten minutes."),
    N_("Begin the installation again from the store's control panel."),
    N_("BigCommerce did not sign this, or it is over."),
    N_("BigCommerce does not accept this installation: its code is used up or over."),
    N_("BigCommerce's answer is for another store."),
    N_("BigCommerce's answer names no store or holds no code."),
    N_("BigCommerce's signed answer names no store or no user."),
    N_("Install it from the platform's list of apps."),
    N_("It looks like maree-haute.myshopify.com."),
    N_("Keys were brought for this installation before."),
    N_("Look whether a firewall of the shop's host blocks its calls, or type keys in."),
    N_("No installation waits for these keys."),
    N_("Open the app again from the store's admin, or begin the installation again."),
    N_("Open the connector again from the store's control panel."),
    N_("Shopify did not sign this address."),
    N_("Shopify does not accept this installation: its code or ID token is used up or over."),
    N_("Shopify's ID token is not valid, or no longer."),
    N_("Shopify's answer holds no code."),
    N_("Shopify's answer is too old."),
    N_("Shopify's answer says no time."),
    N_("The ID token was made for another store."),
    N_("The address holds a parameter twice."),
    N_("The connector is not installed in this store."),
    N_("The connector is not registered as a BigCommerce app."),
    N_("The connector is not registered as a Shopify app."),
    N_("The shop brought no keys."),
    N_("The shop gave keys that may only read."),
    N_("The shop's message cannot be read."),
    N_("The shop's message holds no keys."),
    N_("The store granted fewer permissions than the connector needs."),
    N_("The store's owner gives access again."),
    N_("This installation took longer than ten minutes."),
    N_("This installation was begun for another store."),
    N_("This installation was begun in another browser."),
    N_("This installation was finished before."),
    N_("This installation was not begun here."),
    N_("This is not the address of a Shopify store."),
    N_("This user may no longer open the connector."),
    N_("This was done before."),
    N_("Too many installations were begun today."),
    N_("Try again tomorrow, or ask who floods this address."),
    N_("You did not approve the connector."),
    N_("Nothing was linked. Begin again if that was a mistake."),
    N_("There is no such page."),
    N_("Look at the address."),
    N_("This page is no longer open to you."),
    N_("Open it again from the store, or install it again."),
    N_("The consumer key must begin with ck_."),
    N_("The consumer secret must begin with cs_."),
    N_("Make a Read/Write key under WooCommerce > Settings > Advanced > REST API and give both its parts."),
    N_("the store's own domain, as in maree-haute.myshopify.com"),
    N_("the shop's address, such as https://shop.example"),
    N_("the consumer key (ck_…) from WooCommerce > Settings > Advanced > REST API, with Read/Write permission"),
    N_("the consumer secret (cs_…) that is shown once beside the key"),
    N_("Shopify renews the connector's access to this store no more."),
    N_("Open the connector from the store's admin, or install it again: the link is renewed and nothing is lost."),
    N_("A customer asked what is held about them; the answer is ready."),
)
