"""The CRM: organizations, clients, tickets, consents, audit."""
