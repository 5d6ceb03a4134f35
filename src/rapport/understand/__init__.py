"""What is known of many customers: questions, metrics, segments and what their texts say."""
