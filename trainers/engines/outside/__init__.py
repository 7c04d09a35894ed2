"""Engines that are programs of their own: written for, run, listened to, and their work found."""
