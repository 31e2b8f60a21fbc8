//! Both links, both books and a platform model on virtual time.
